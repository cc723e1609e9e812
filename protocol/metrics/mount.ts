/** How the HTTP server serves the metrics, and what it tells them. */
import type { Route } from '../http/route.js';
import type { HttpHooks } from '../http/service.js';
import type { ServerState } from '../server-state.js';
import { METRICS_CONTENT_TYPE, renderMetrics } from './metrics.js';

export const metricsRoute: Route = {
  method: 'GET',
  path: '/metrics',
  produces: [METRICS_CONTENT_TYPE],
  handle: ({ server }) => renderMetrics(server),
};

/** Counts and logs HTTP requests and their errors. From now on the process is watched, for as long as the server is there. */
export function observing(state: ServerState): Pick<HttpHooks, 'onDone' | 'onError'> {
  state.metrics;
  return {
    onDone: (request) => state.requestDone(request),
    onError: (error, where) => state.failures.note(error, where),
  };
}
