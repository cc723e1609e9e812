/** Where a request ends: a proxy in front must not see another end than the server does, or one request hides in another's body. */
import type { HttpRequest } from './transport.js';

const CHUNKED = 'chunked';

/** What is wrong with how a request's body is to be told from what comes behind it, where the transport itself takes it. */
export function problemOfFraming(request: HttpRequest): string | undefined {
  const coding = request.header('transfer-encoding');
  if (coding === undefined || coding.trim().toLowerCase() === CHUNKED) return undefined;
  return 'the header Transfer-Encoding may only be chunked';
}
