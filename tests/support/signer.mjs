/*
 * Somebody who signs users in: key pairs of the three kinds, their public halves as a key set, and
 * tokens, by Node's crypto and nothing of ours.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const KINDS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

export class Signer {
  constructor(issuer = 'https://auth.example.org', audience = 'app', algorithms = ['RS256', 'ES256', 'EdDSA']) {
    this.issuer = issuer;
    this.audience = audience;
    this.keys = new Map(algorithms.map((algorithm) => [algorithm, KINDS[algorithm]()]));
  }

  keySet() {
    const keys = [...this.keys].map(([algorithm, { publicKey }]) =>
      ({ ...publicKey.export({ format: 'jwk' }), kid: algorithm.toLowerCase(), use: 'sig', alg: algorithm }));
    return { keys };
  }

  writeKeySet(path) {
    writeFileSync(path, JSON.stringify(this.keySet()), { mode: 0o644 });
  }

  /* As a provider of the settings. */
  provider(jwks) {
    return { domain: this.issuer, applicationID: this.audience, jwks };
  }

  /* A token for that subject; claims that are undefined are left out. */
  token(subject, { algorithm = 'EdDSA', claims = {}, header = {}, by = algorithm } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.issuer, aud: this.audience, sub: subject, iat: now, exp: now + 600, ...claims };
    const text = `${encode({ alg: algorithm, typ: 'JWT', kid: algorithm.toLowerCase(), ...header })}.${encode(all)}`;
    const { privateKey } = this.keys.get(by);
    const key = by === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' } : privateKey;
    return `${text}.${sign(by === 'EdDSA' ? null : 'sha256', Buffer.from(text), key).toString('base64url')}`;
  }
}
