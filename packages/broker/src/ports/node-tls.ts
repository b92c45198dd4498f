import { X509Certificate } from 'node:crypto';
import type { PeerCertificate, SecureContextOptions, TLSSocket } from 'node:tls';

import { NetworkError } from '@lockstep/kernel';
import type { MutualTls } from '@lockstep/kernel';

import { toNetworkError } from './network-errors.ts';

/** What both sides use: nothing but the newest version of TLS, and no authority but those that are named. */
export function secureContext({ cert, key, ca }: MutualTls): SecureContextOptions {
  return { cert: Buffer.from(cert), key: Buffer.from(key), ca: Buffer.from(ca), minVersion: 'TLSv1.3' };
}

/** An error of a connection that speaks TLS: what is not the network's is TLS's own. */
export function toTlsError(error: Error, what: string): NetworkError {
  const plain = toNetworkError(error, what);
  if (plain.code !== 'other') return plain;
  // Nothing came, which any stranger can do.
  if ((error as NodeJS.ErrnoException).code === 'ERR_TLS_HANDSHAKE_TIMEOUT') {
    return new NetworkError('timeout', plain.message, error);
  }
  return new NetworkError('untrusted', `${what}: ${reasonOf(error)}`, error);
}

/** Null: the other side has shown a certificate, and its chain leads to an authority that counts; or none, where none is `required`. */
export function distrust(socket: TLSSocket, required: boolean = true): NetworkError | null {
  const { authorized, authorizationError } = socket;
  const shown = Object.keys(socket.getPeerCertificate()).length > 0;
  if (!shown && !required) return null;
  if (authorized && shown) return null;
  // In spite of its type it is the code alone.
  const code = shown ? String(authorizationError) : 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE';
  return new NetworkError('untrusted', `accept: ${REASONS.get(code) ?? code}`);
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'it shows no certificate'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS'],
  // STOMP's CONNECT looks to TLS as if a proxy were asked for.
  ['ERR_SSL_HTTPS_PROXY_REQUEST', 'it does not speak TLS'],
  ['ERR_SSL_HTTP_REQUEST', 'it speaks HTTP'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is signed by itself'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate is signed by an authority that this node does not know'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its certificate is signed by an authority that this node does not know'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'its certificate is signed by an authority that this node does not know'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its certificate is signed by an authority that this node does not know'],
  ['CERT_SIGNATURE_FAILURE', 'the signature under its certificate is wrong'],
]);

function reasonOf(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return REASONS.get(code) ?? (error.message === '' ? code : error.message);
}

/** See `Connection.certifiedNames`. The chain has been checked. */
export function certifiedNames(socket: TLSSocket): readonly string[] {
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate>;
  const common = certificate.subject?.CN;
  const names = Array.isArray(common) ? (common as string[]) : common === undefined ? [] : [common];
  return [...names.map((name) => `CN:${name}`), ...alternativeNames(certificate.subjectaltname)];
}

/** The names that a certificate bears. @throws Error when it is none. */
export function namesOfCertificate(pem: Uint8Array): readonly string[] {
  const certificate = new X509Certificate(pem);
  const common = certificate.subject
    .split('\n')
    .filter((line) => line.startsWith('CN='))
    .map((line) => `CN:${line.slice(3)}`);
  return [...common, ...alternativeNames(certificate.subjectAltName)];
}

/** `DNS:a, URI:b`; what holds a comma is in quotes, and no name of a node. */
function alternativeNames(text: string | undefined): readonly string[] {
  return (text ?? '').split(', ').filter((name) => /^(?:DNS|URI):[^"]+$/.test(name));
}
