/**
 * Who may ask. With a password, those who send it. And never a page of some other site: a browser sends what such a page wants
 * to this server, too, from inside of the network, and with the password if its user has given it that. And nobody while the
 * data is still loaded.
 */
import { SegmentdError } from '../../src/index.js';
import { isLoopback } from '../loopback.js';
import { Secret } from '../secret.js';
import type { ServerState } from '../server-state.js';
import type { Exchange } from './exchange.js';

const CREDENTIALS = /^(bearer|basic) +(\S+)$/i;
const COLON = 0x3a;

/** A guard for `HttpHooks`: throws NOT_ALLOWED, NO_AUTH, WRONG_PASSWORD or LOADING. Routes that are open are let through. */
export function guardOf(state: ServerState): (exchange: Exchange) => void {
  const checkClient = clientCheckOf(state);
  return (exchange) => {
    if (exchange.route.isOpen === true) return;
    checkClient(exchange);
    if (state.loading !== undefined) throw state.loading.refusal();
  };
}

function clientCheckOf({ options }: ServerState): (exchange: Exchange) => void {
  const mayBeRebound = isLoopback(options.host);
  /** The same ones ask again and again. */
  let lastHost: string | undefined;
  let password = '';
  let secret = new Secret(password);
  return (exchange) => {
    const host = exchange.header('host');
    checkOrigin(exchange.header('origin'), host);
    if (options.password === '') {
      if (mayBeRebound && host !== lastHost) checkHost(host);
      lastHost = host;
      return;
    }
    if (options.password !== password) {
      // CONFIG SET has changed it.
      password = options.password;
      secret = new Secret(password);
    }
    checkPassword(exchange.header('authorization'), secret);
  };
}

/** Browsers say which page a request is from, unless it only reads from its own site. */
function checkOrigin(origin: string | undefined, host: string | undefined): void {
  if (origin === undefined) return;
  const mark = origin.indexOf('://');
  // Of a page without an origin of its own it is "null".
  if (mark >= 0 && origin.slice(mark + '://'.length).toLowerCase() === host?.toLowerCase()) return;
  throw new SegmentdError(
    'NOT_ALLOWED',
    `pages of ${JSON.stringify(origin)} may not ask this server: its own may, and programs that send no Origin`,
  );
}

/**
 * A server of this machine is asked under a name of this machine. Under another, it is asked by a page whose name was made to
 * lead here (DNS rebinding), which browsers take for the server's own.
 */
function checkHost(host: string | undefined): void {
  if (host === undefined) return; // No browser leaves it out.
  const name = host.replace(/:\d*$/, '');
  if (isLoopback(name)) return;
  const advice = 'ask for localhost, set a password, or listen on another --host';
  throw new SegmentdError(
    'NOT_ALLOWED',
    `a server of localhost is not called ${JSON.stringify(name)}: ${advice}`,
  );
}

function checkPassword(header: string | undefined, secret: Secret): void {
  if (header === undefined) {
    throw new SegmentdError('NO_AUTH', 'send the password: Authorization: Bearer <password>, or Basic');
  }
  const [, scheme, text] = CREDENTIALS.exec(header) ?? [];
  if (scheme === undefined) {
    throw new SegmentdError(
      'NO_AUTH',
      'the header Authorization must be Bearer or Basic with one word behind it: a password with blanks goes with Basic',
    );
  }
  const given = scheme.toLowerCase() === 'basic' ? basicPassword(text!) : Buffer.from(text!, 'latin1');
  if (!secret.equals(given)) throw new SegmentdError('WRONG_PASSWORD', 'that is not the password');
}

/** The password of `user:password` in base64; the user is whoever. */
function basicPassword(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  return bytes.subarray(bytes.indexOf(COLON) + 1);
}
