// An OpenID provider with Entra ID's addresses, by oidc-provider. `node provider.mjs CONFIG` serves HTTPS on a free
// port of the loopback. A line "stop" on standard input closes that port, "start" opens it again; each is answered by a
// line of JSON. The end of standard input ends the program.
import fs from 'node:fs';
import https from 'node:https';
import readline from 'node:readline';
import { text } from 'node:stream/consumers';
import { Provider, errors } from 'oidc-provider';
import * as pages from './pages.mjs';

const config = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { audience, seconds, tenant } = config;
const MOUNT = `/${tenant}`;
const OPENID = 'openid profile email offline_access';
const MINE = `${audience}/user_impersonation ${audience}/.default`;
const INTERACTION = '/interaction/';
const WRONG = 'Your account or password is incorrect.';
const DENIED = 'The user has denied access to the scope requested by the client application.';
const WRONG_CODE = 'That code did not work.';

const person = { sub: config.user, oid: config.user_id, tid: tenant, name: 'Alice', preferred_username: config.user };
const clientInfo = Buffer.from(JSON.stringify({ uid: config.user_id, utid: tenant })).toString('base64url');

function settings() {
  return {
    clients: config.clients,
    jwks: { keys: [config.signing_key] },
    cookies: { keys: [config.cookie_key] },
    scopes: OPENID.split(' '),
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'oid', 'tid'], email: ['email'] },
    conformIdTokenClaims: false,
    routes: {
      authorization: '/oauth2/v2.0/authorize',
      token: '/oauth2/v2.0/token',
      device_authorization: '/oauth2/v2.0/devicecode',
      code_verification: '/oauth2/deviceauth',
      jwks: '/discovery/v2.0/keys',
      userinfo: '/oidc/userinfo',
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form, out, error) => {
          const denied = error?.name === 'AbortedError';
          ctx.body = denied ? pages.notSignedIn() : pages.userCode(form, error ? WRONG_CODE : '');
        },
        userCodeConfirmSource: (ctx, form, client, info, code) => {
          ctx.body = pages.confirmCode(form, client.clientId, code);
        },
        successSource: (ctx) => { ctx.body = pages.signedIn(); },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => (
          { scope: MINE, audience, accessTokenFormat: 'jwt', accessTokenTTL: seconds.access }
        ),
      },
    },
    interactions: { url: (ctx, interaction) => `${MOUNT}${INTERACTION}${interaction.uid}` },
    extraTokenClaims: (ctx, token) => (token.accountId ? { ...person, scp: 'user_impersonation' } : { tid: tenant }),
    findAccount: (ctx, id) => ({ accountId: id, claims: () => person }),
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: config.rotate,
    pkce: { required: (ctx, client) => client.clientAuthMethod === 'none' },
    renderError: (ctx, out) => { ctx.type = 'html'; ctx.body = pages.failure(out); },
    ttl: {
      AuthorizationCode: 60,
      DeviceCode: seconds.device,
      IdToken: 3600,
      RefreshToken: seconds.refresh,
      Grant: 86400,
      Interaction: 3600,
      Session: 86400,
    },
  };
}

// Entra refuses what is not registered with it; oidc-provider would leave it out.
function resource(ctx) {
  const known = `${OPENID} ${MINE}`.split(' ');
  const unknown = (ctx.oidc.params.scope ?? '').split(' ').find((scope) => scope && !known.includes(scope));
  if (unknown) throw new errors.InvalidScope('The resource principal was not found in the tenant.', unknown);
  return audience;
}

function build(issuer) {
  const provider = new Provider(issuer, settings());
  // MSAL sends one client assertion again until it ends, as Entra allows.
  provider.ReplayDetection.unique = async () => true;
  provider.on('grant.error', (ctx, error) => {
    if (error.error_detail) ctx.body.error_description = error.error_detail;
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  provider.use(journal);
  provider.use((ctx, next) => (ctx.path.startsWith(INTERACTION) ? interact(provider, ctx) : next()));
  provider.use(likeEntra);
  return provider;
}

async function journal(ctx, next) {
  await next();
  const { grant_type: grantType, client_id: client } = ctx.oidc?.params ?? {};
  write({
    route: ctx.oidc?.route ?? 'interaction',
    status: ctx.status,
    grant_type: grantType ?? '',
    client: ctx.oidc?.client?.clientId ?? client ?? '',
    error: ctx.body?.error ?? '',
  });
}

function write(entry) {
  fs.appendFileSync(config.journal, `${JSON.stringify(entry)}\n`);
}

async function likeEntra(ctx, next) {
  await next();
  if (ctx.oidc?.route === 'device_authorization' && ctx.status === 200) {
    const { verification_uri_complete: complete, ...body } = ctx.body;
    const message = `To sign in, use a web browser to open the page ${body.verification_uri}`
      + ` and enter the code ${body.user_code} to authenticate.`;
    ctx.body = { ...body, interval: seconds.poll, message };
  }
  if (ctx.oidc?.route === 'token' && ctx.body?.id_token) ctx.body.client_info = clientInfo;
}

async function interact(provider, ctx) {
  const interaction = await provider.interactionDetails(ctx.req, ctx.res);
  const asksLogin = interaction.prompt.name === 'login';
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = asksLogin ? pages.login('') : pages.consent(interaction.params.client_id, interaction.params.scope);
    return;
  }
  const form = new URLSearchParams(await text(ctx.req));
  if (asksLogin && (form.get('login') !== config.user || form.get('password') !== config.password)) {
    ctx.type = 'html';
    ctx.body = pages.login(WRONG);
    return;
  }
  const result = asksLogin ? { login: { accountId: config.user } } : await consented(provider, interaction, form);
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
}

async function consented(provider, { params, session }, form) {
  if (form.get('answer') === 'deny') {
    return { error: 'access_denied', error_description: DENIED };
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(OPENID);
  grant.addResourceScope(audience, MINE);
  return { consent: { grantId: await grant.save() } };
}

function discovery(issuer) {
  const { host } = new URL(issuer);
  return JSON.stringify({
    tenant_discovery_endpoint: `${issuer}/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  });
}

// What Entra does not ask for but oidc-provider does: consent, before it gives a refresh token.
function askingConsent(url) {
  const address = new URL(url, 'https://localhost');
  if (address.pathname === `${MOUNT}/oauth2/v2.0/authorize` && address.searchParams.get('prompt') !== 'none') {
    address.searchParams.set('prompt', 'consent');
  }
  return `${address.pathname}${address.search}`;
}

let answer;
const server = https.createServer(
  { key: fs.readFileSync(config.key), cert: fs.readFileSync(config.certificate) },
  (request, response) => answer(request, response),
);
const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const issuer = `https://localhost:${port}${MOUNT}/v2.0`;
  const provide = build(issuer).callback();
  answer = (request, response) => {
    if (request.url.startsWith('/common/discovery/instance')) {
      response.setHeader('content-type', 'application/json');
      response.end(discovery(issuer));
      write({ route: 'instance', status: 200, grant_type: '', client: '', error: '' });
      return;
    }
    request.url = askingConsent(request.url).replace(`${MOUNT}/v2.0/.well-known/`, `${MOUNT}/.well-known/`);
    if (!request.url.startsWith(`${MOUNT}/`)) {
      response.writeHead(404).end();
      return;
    }
    request.originalUrl = request.url;
    request.baseUrl = MOUNT;
    request.url = request.url.slice(MOUNT.length);
    provide(request, response);
  };
  const orders = readline.createInterface({ input: process.stdin });
  orders.on('line', (order) => {
    if (order === 'stop') {
      server.close(() => say({ stopped: port }));
      server.closeAllConnections();
    } else {
      server.listen(port, '127.0.0.1', () => say({ port }));
    }
  });
  orders.on('close', () => process.exit());
  say({ port });
});
