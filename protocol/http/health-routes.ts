/** What a load balancer asks: is the process alive, and may it be sent requests? */
import type { Route } from './route.js';

export const healthRoutes: readonly Route[] = [
  { method: 'GET', path: '/healthz', handle: () => ({ status: 'ok' }) },
  // A server listens only once its engine is open and has replayed what it keeps.
  { method: 'GET', path: '/readyz', handle: () => ({ status: 'ready' }) },
];
