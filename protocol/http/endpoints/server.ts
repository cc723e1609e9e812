/** What is asked about the server itself, by those who watch it. */
import { Type } from 'typebox';
import { METRICS_CONTENT_TYPE, renderMetrics } from '../../metrics/metrics.js';
import { degradations } from '../../readiness.js';
import { endpoint } from '../endpoint.js';
import { shape } from '../shapes.js';

export const serverEndpoints = [
  endpoint({
    id: 'getHealth',
    method: 'GET',
    path: '/healthz',
    group: 'server',
    isOpen: true,
    summary: 'Does the server live? Needs no password.',
    answer: shape({ status: Type.Literal('ok') }),
    examples: [{ title: 'It does', path: '/healthz', answer: { status: 'ok' } }],
    handle: () => ({ status: 'ok' }),
  }),
  endpoint({
    id: 'getReadiness',
    method: 'GET',
    path: '/readyz',
    group: 'server',
    isOpen: true,
    summary: 'Does the server answer questions? Needs no password.',
    description:
      'While the data folder is read, with the status `loading`, nobody may ask. With the status `degraded` it answers questions, but changes are refused, or lists of tags are older than their policies allow: the reasons say which.',
    answer: shape({
      status: Type.Enum(['ready', 'degraded', 'loading']),
      reasons: Type.Optional(Type.Array(Type.String())),
      progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'How far loading is.' })),
    }),
    statuses: { 200: 'It does: ready or degraded.', 503: 'Not yet: loading.' },
    examples: [{ title: 'It does', path: '/readyz', answer: { status: 'ready' } }],
    handle(exchange) {
      const { engine, server } = exchange;
      if (server.loading !== undefined) {
        exchange.status = 503;
        exchange.setHeader('retry-after', '1');
        return { status: 'loading', progress: Math.floor(100 * server.loading.progress) / 100 };
      }
      const reasons = degradations(engine);
      return reasons.length === 0 ? { status: 'ready' } : { status: 'degraded', reasons };
    },
  }),
  endpoint({
    id: 'getMetrics',
    method: 'GET',
    path: '/metrics',
    group: 'server',
    summary: 'What Prometheus asks for: docs/metrics.md.',
    rawAnswer: { types: [METRICS_CONTENT_TYPE], description: "Metrics in Prometheus's text format." },
    examples: [],
    handle: ({ server }) => renderMetrics(server),
  }),
];
