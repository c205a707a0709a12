// The whole flow with oauth4webapi. argv: issuer, client_id, client_secret ("" for a public client), redirect_uri.
// It prints the address for the user's browser, reads from stdin where the browser was sent, and prints the tokens.
import * as oauth from 'oauth4webapi'
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline/promises'

globalThis.crypto ??= webcrypto // Node 18

const [issuer, clientId, secret, redirectUri] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true } // http on loopback
const url = new URL(issuer)
const discovered = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure })
const server = await oauth.processDiscoveryResponse(url, discovered)
const client = { client_id: clientId }
const authentication = secret ? oauth.ClientSecretBasic(secret) : oauth.None()

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const question = new URL(server.authorization_endpoint)
for (const [name, value] of Object.entries({
  client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'process_read', state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
})) question.searchParams.set(name, value)
console.log(question.href)

const lines = createInterface({ input: process.stdin })
const back = new URL((await lines[Symbol.asyncIterator]().next()).value)
const parameters = oauth.validateAuthResponse(server, client, back, state) // checks state, iss and error
const granted = await oauth.processAuthorizationCodeResponse(server, client,
  await oauth.authorizationCodeGrantRequest(server, client, authentication, parameters, redirectUri, verifier, insecure))
const refreshed = await oauth.processRefreshTokenResponse(server, client,
  await oauth.refreshTokenGrantRequest(server, client, authentication, granted.refresh_token, insecure))
let active = null
if (secret) {
  const answer = await oauth.introspectionRequest(server, client, authentication, refreshed.access_token, insecure)
  active = (await oauth.processIntrospectionResponse(server, client, answer)).active
}
await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, authentication, refreshed.refresh_token, insecure))
console.log(JSON.stringify({ first: granted.access_token, second: refreshed.access_token, scope: refreshed.scope, active }))
lines.close()
