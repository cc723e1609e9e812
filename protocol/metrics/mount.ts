/** What the HTTP server tells the metrics and the log. */
import type { HttpHooks } from '../http/service.js';
import type { ServerState } from '../server-state.js';

/** Counts and logs HTTP requests and their errors. From now on the process is watched, for as long as the server is there. */
export function observing(state: ServerState): Pick<HttpHooks, 'onDone' | 'onError'> {
  state.metrics;
  return {
    onDone: (request) => state.requestDone(request),
    onError: (error, where) => state.failures.note(error, where),
  };
}
