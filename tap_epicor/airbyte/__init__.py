"""`source-epicor`: the tap's streams in Airbyte's protocol."""
