/** What is asked about the server itself, by those who watch it. */
import { Type } from 'typebox';
import { METRICS_CONTENT_TYPE, renderMetrics } from '../../metrics/metrics.js';
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
      'It listens only once everything that is kept was read, so whoever gets an answer may ask. With the status `degraded` it still answers questions, but something else does not work: the reasons say what.',
    answer: shape({
      status: Type.Enum(['ready', 'degraded']),
      reasons: Type.Optional(Type.Array(Type.String())),
    }),
    examples: [{ title: 'It does', path: '/readyz', answer: { status: 'ready' } }],
    handle({ engine }) {
      if (engine.persistence?.failure === undefined) return { status: 'ready' };
      return { status: 'degraded', reasons: ['changes are refused: the journal cannot be written'] };
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
