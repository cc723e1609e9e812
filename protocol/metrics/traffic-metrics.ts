/** Metrics of the two faces: connections, bytes, HTTP requests. */
import type { MetricRow, MetricSource, Sample } from './metric.js';

const byFace = ['face'];

function faces(resp: number, http: number | undefined): Sample[] {
  const samples = [{ labels: { face: 'resp' }, value: resp }];
  return http === undefined ? samples : [...samples, { labels: { face: 'http' }, value: http }];
}

/** What the HTTP transport tells of connections; nothing as long as it has told of none. */
function connectionsOf({ state: { http } }: MetricSource): typeof http | undefined {
  return http.connectionsAccepted > 0 || http.connectionsRejected > 0 ? http : undefined;
}

export const trafficMetrics: readonly MetricRow[] = [
  {
    name: 'segmentd_connections',
    type: 'gauge',
    help: 'Connections that are open.',
    labels: byFace,
    read: (source) => faces(source.state.sessions.size, connectionsOf(source)?.connections),
  },
  {
    name: 'segmentd_connections_accepted_total',
    type: 'counter',
    help: 'Connections that came in and were not refused. CONFIG RESETSTAT sets those of Redis clients to zero.',
    labels: byFace,
    read(source) {
      const { connectionsReceived, connectionsRejected } = source.state;
      return faces(connectionsReceived - connectionsRejected, connectionsOf(source)?.connectionsAccepted);
    },
  },
  {
    name: 'segmentd_connections_rejected_total',
    type: 'counter',
    help: 'Connections that were refused because there were max-clients already, of HTTP http-max-connections.',
    labels: byFace,
    read: (source) => faces(source.state.connectionsRejected, connectionsOf(source)?.connectionsRejected),
  },
  {
    name: 'segmentd_received_bytes_total',
    type: 'counter',
    help: 'Bytes received: of HTTP those of bodies.',
    labels: byFace,
    read: ({ state }) => faces(state.inputBytes, state.http.bytesIn),
  },
  {
    name: 'segmentd_sent_bytes_total',
    type: 'counter',
    help: 'Bytes sent: of HTTP those of bodies.',
    labels: byFace,
    read: ({ state }) => faces(state.outputBytes, state.http.bytesOut),
  },
  {
    name: 'segmentd_http_waiting_requests',
    type: 'gauge',
    help: 'HTTP requests whose body is still coming, or whose answer takes longer than a turn: a query, a stream, the disk. There may be http-max-requests.',
    read: ({ state }) => state.http.work?.waiting,
  },
  {
    name: 'segmentd_http_streams',
    type: 'gauge',
    help: 'Long answers over HTTP that are on their way, exports included.',
    read: ({ state }) => state.http.work?.streams,
  },
  {
    name: 'segmentd_http_exports',
    type: 'gauge',
    help: 'Those of them that are exports, of which there may be http-max-exports.',
    read: ({ state }) => state.http.work?.exports,
  },
  {
    name: 'segmentd_http_requests_total',
    type: 'counter',
    help: 'HTTP requests that were answered, by the pattern of their route.',
    labels: ['route', 'method', 'status'],
    *read({ state: { http } }) {
      for (const { route, method, byStatus } of http.routes()) {
        for (const [status, value] of byStatus)
          yield { labels: { route, method, status: `${status}` }, value };
      }
    },
  },
  {
    name: 'segmentd_http_request_duration_seconds',
    type: 'histogram',
    help: 'How long HTTP requests took, from the head of the request to the end of the answer.',
    labels: ['route', 'method'],
    *read({ state: { http } }) {
      for (const { route, method, durations } of http.routes()) {
        yield { labels: { route, method }, counts: durations };
      }
    },
  },
];
