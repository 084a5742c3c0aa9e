// The pages that a person sees: plain forms.

const NAMES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text) => String(text).replace(/[&<>"']/g, (one) => NAMES[one]);

const page = (title, body) => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<style>body{font:16px sans-serif;max-width:24em;margin:4em auto}input,button{font:inherit;display:block;margin:1em 0}</style>
</head><body><h1>${title}</h1>${body}</body></html>`;

export const login = (problem) => page('Sign in', `<p>${escaped(problem)}</p><form method="post">
<input name="login" placeholder="user@example.com" autofocus>
<input name="password" type="password" placeholder="Password">
<button>Sign in</button></form>`);

export const consent = (client, scope) => page('Permissions requested', `<p>${escaped(client)} asks for ${escaped(scope)}</p>
<form method="post"><button name="answer" value="accept">Accept</button>
<button name="answer" value="deny">Cancel</button></form>`);

export const userCode = (form, problem) => page('Enter code', `<p>${escaped(problem)}</p>${form}
<button form="op.deviceInputForm">Next</button>`);

export const confirmCode = (form, client, code) => page('Confirm', `<p>${escaped(client)} shows ${escaped(code)}</p>${form}
<button form="op.deviceConfirmForm">Continue</button>`);

export const signedIn = () => page('Signed in', '<p>You may close this window.</p>');

export const notSignedIn = () => page('Not signed in', '<p>You denied access.</p>');

export const failure = ({ error, error_description: text }) => page(
  'Sign-in failed',
  `<p>${escaped(error)}: ${escaped(text)}</p>`,
);
