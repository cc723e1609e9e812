/** INFO, and the other commands that tell about the server as a whole. */
import { arch, machine, release, totalmem, type } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { EngineStats } from '../../src/index.js';
import { many, optional, text } from '../arguments.js';
import { type Call, command } from '../command.js';
import type { LoadingEngine } from '../loading.js';
import * as replies from '../replies.js';
import { PACKAGE_VERSION, REDIS_VERSION } from '../version.js';
import { isKept } from './config.js';

const group = 'server';
const DAY_SECONDS = 86_400;

type Fields = readonly (readonly [name: string, value: string | number])[];

interface Section {
  readonly title: string;
  /** Only shown when asked for by name, or with `all` or `everything`. */
  readonly extra?: true;
  /** About the data: left out while that is loaded. */
  readonly ofData?: true;
  /** `stats` are the engine's, counted when first asked for: that takes longer than all the rest. */
  fields(call: Call, stats: () => EngineStats): Fields;
}

/** Bytes as people read them, in Redis's form: `1.50M`. */
function human(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = 'KMGTP';
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  return `${(bytes / 1024 ** power).toFixed(2)}${units[power - 1]}`;
}

function serverFields({ server }: Call): Fields {
  const uptime = Math.floor((Date.now() - server.startedAt) / 1000);
  return [
    ['redis_version', REDIS_VERSION],
    ['segmentd_version', PACKAGE_VERSION],
    ['node_version', process.versions.node],
    ['redis_mode', 'standalone'],
    ['os', `${type()} ${release()} ${machine()}`],
    ['arch_bits', ['arm', 'ia32'].includes(arch()) ? 32 : 64],
    ['process_id', process.pid],
    ['run_id', server.runId],
    ['tcp_port', server.port],
    ['server_time_usec', microseconds()],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / DAY_SECONDS)],
    ['executable', process.execPath],
    ['config_file', ''],
  ];
}

function clientFields({ server }: Call): Fields {
  let input = 0;
  let output = 0;
  for (const session of server.sessions.values()) {
    input = Math.max(input, session.pendingInputBytes);
    output = Math.max(output, session.connection.pendingBytes);
  }
  return [
    ['connected_clients', server.sessions.size],
    ['maxclients', server.options.maxClients],
    ['client_recent_max_input_buffer', input],
    ['client_recent_max_output_buffer', output],
    ['blocked_clients', 0],
  ];
}

function memoryFields({ server }: Call, stats: () => EngineStats): Fields {
  const { rss, heapUsed } = process.memoryUsage();
  if (server.loading !== undefined) {
    return [
      ['used_memory_rss', rss],
      ['used_memory_rss_human', human(rss)],
      ['used_memory_js_heap', heapUsed],
    ];
  }
  const { bytes } = stats();
  return [
    ['used_memory', bytes.total],
    ['used_memory_human', human(bytes.total)],
    ['used_memory_rss', rss],
    ['used_memory_rss_human', human(rss)],
    ['used_memory_dataset', bytes.records + bytes.bitmaps],
    ['used_memory_overhead', bytes.total - bytes.records - bytes.bitmaps],
    ['used_memory_js_heap', heapUsed],
    ['total_system_memory', totalmem()],
    ['total_system_memory_human', human(totalmem())],
    ['maxmemory', 0],
    ['maxmemory_human', '0B'],
    ['maxmemory_policy', 'noeviction'],
    ['mem_fragmentation_ratio', (bytes.total === 0 ? 0 : rss / bytes.total).toFixed(2)],
  ];
}

/** Percent and seconds as Redis writes them; clients wait for so many seconds before they ask again. */
function loadingFields(loading: LoadingEngine | undefined): Fields {
  if (loading === undefined) return [['loading', 0]];
  return [
    ['loading', 1],
    ['loading_start_time', Math.floor(loading.startedAt / 1000)],
    ['loading_total_bytes', loading.totalBytes],
    ['loading_loaded_bytes', loading.loadedBytes],
    ['loading_loaded_perc', (100 * loading.progress).toFixed(2)],
    ['loading_eta_seconds', Math.max(1, Math.ceil(loading.secondsLeft))],
  ];
}

/** A snapshot is what Redis has an RDB file for, and takes the place of the journals, as the rewriting of Redis's AOF does. */
function persistenceFields({ server, engine: { options, persistence } }: Call): Fields {
  const isSaving = persistence?.snapshotProgress === undefined ? 0 : 1;
  const isJournalled = isKept(options) ? 1 : 0;
  const basic: Fields = [
    ...loadingFields(server.loading),
    ['async_loading', 0],
    ['rdb_bgsave_in_progress', isSaving],
    ['aof_enabled', isJournalled],
    ['aof_rewrite_in_progress', isSaving],
    ['aof_rewrite_scheduled', 0],
  ];
  if (persistence === undefined) return basic;
  const { snapshot, snapshotFailure, snapshotSeconds, snapshotProgress, failure, journalBytes } = persistence;
  const saved = snapshotFailure === undefined ? 'ok' : 'err';
  const seconds = snapshotSeconds === undefined ? -1 : Math.round(snapshotSeconds);
  const fields: [string, string | number][] = [
    ['rdb_changes_since_last_save', persistence.changesSinceSnapshot],
    ['rdb_last_save_time', Math.floor((snapshot?.created ?? 0) / 1000)],
    ['rdb_last_bgsave_status', saved],
    ['rdb_last_bgsave_time_sec', seconds],
    ['aof_last_rewrite_time_sec', seconds],
    ['aof_last_bgrewrite_status', saved],
    ['aof_last_write_status', failure === undefined ? 'ok' : 'err'],
    ['aof_current_size', journalBytes],
    ['snapshot_name', snapshot?.name ?? ''],
    ['snapshot_bytes', snapshot?.bytes ?? 0],
  ];
  if (snapshotProgress !== undefined) fields.push(['snapshot_progress', snapshotProgress.toFixed(2)]);
  if (snapshotFailure !== undefined) fields.push(['snapshot_error', oneLine(snapshotFailure)]);
  if (failure !== undefined) fields.push(['write_error', oneLine(failure)]);
  return [...basic, ...fields];
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function statsFields({ server }: Call): Fields {
  const kibibytes = (perSecond: number): string => (perSecond / 1024).toFixed(2);
  let errors = 0;
  for (const count of server.errors.values()) errors += count;
  return [
    ['total_connections_received', server.connectionsReceived],
    ['total_commands_processed', server.commandsProcessed],
    ['instantaneous_ops_per_sec', Math.round(server.commandRate.perSecond)],
    ['total_net_input_bytes', server.inputBytes],
    ['total_net_output_bytes', server.outputBytes],
    ['instantaneous_input_kbps', kibibytes(server.inputRate.perSecond)],
    ['instantaneous_output_kbps', kibibytes(server.outputRate.perSecond)],
    ['rejected_connections', server.connectionsRejected],
    ['expired_keys', 0],
    ['evicted_keys', 0],
    ['total_error_replies', errors],
  ];
}

function cpuFields(): Fields {
  const { system, user } = process.cpuUsage();
  return [
    ['used_cpu_sys', (system / 1e6).toFixed(6)],
    ['used_cpu_user', (user / 1e6).toFixed(6)],
  ];
}

function commandFields({ server }: Call): Fields {
  const fields: [string, string][] = [];
  for (const [name, { stats }] of server.commands.entries) {
    const { calls, rejected, failed } = stats;
    if (calls === 0 && rejected === 0) continue;
    const total = Math.round(stats.microseconds);
    const each = (calls === 0 ? 0 : stats.microseconds / calls).toFixed(2);
    const counts = `rejected_calls=${rejected},failed_calls=${failed}`;
    fields.push([`cmdstat_${name}`, `calls=${calls},usec=${total},usec_per_call=${each},${counts}`]);
  }
  return fields;
}

function segmentFields(_call: Call, stats: () => EngineStats): Fields {
  const { users, tags, pairs, bytes } = stats();
  const sizes = Object.entries(bytes).map(([part, size]): [string, number] => [`bytes_${part}`, size]);
  return [['users', users], ['tags', tags], ['pairs', pairs], ...sizes];
}

function audienceFields({ engine }: Call): Fields {
  const { audiences } = engine.store;
  const { cache } = engine.audiences.queries;
  return [
    ['audiences', audiences.size],
    ['fixed_bytes', audiences.bytes],
    ['cached_results', cache.size],
    ['cached_bytes', cache.bytes],
    ['cached_max_bytes', engine.options.audienceCacheBytes],
    ['cache_hits', cache.hits],
    ['cache_misses', cache.misses],
  ];
}

function keyspaceFields(call: Call): Fields {
  const keys = keyCount(call);
  return keys === 0 ? [] : [['db0', `keys=${keys},expires=0,avg_ttl=0`]];
}

/** Users, tags that have users, and audiences: what SCAN lists. */
function keyCount({ engine: { store }, keyspace }: Call): number {
  let tags = 0;
  for (const tag of store.catalog.all()) if (tag.column.count > 0) tags++;
  return store.users.size + tags + (keyspace.hasAudiences ? store.audiences.size : 0);
}

const sections: readonly Section[] = [
  { title: 'Server', fields: serverFields },
  { title: 'Clients', fields: clientFields },
  { title: 'Memory', fields: memoryFields },
  { title: 'Persistence', fields: persistenceFields },
  { title: 'Stats', fields: statsFields },
  {
    title: 'Replication',
    fields: () => [
      ['role', 'master'],
      ['connected_slaves', 0],
    ],
  },
  { title: 'CPU', fields: cpuFields },
  { title: 'Modules', fields: () => [] },
  { title: 'Commandstats', extra: true, fields: commandFields },
  {
    title: 'Errorstats',
    fields: ({ server }) =>
      Array.from(server.errors, ([prefix, count]) => [`errorstat_${prefix}`, `count=${count}`] as const),
  },
  { title: 'Cluster', fields: () => [['cluster_enabled', 0]] },
  { title: 'Keyspace', fields: keyspaceFields, ofData: true },
  { title: 'Segments', fields: segmentFields, ofData: true },
  { title: 'Audiences', fields: audienceFields, ofData: true },
];

function chosen(names: readonly string[]): readonly Section[] {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  if (wanted.has('all') || wanted.has('everything')) return sections;
  const withDefaults = wanted.size === 0 || wanted.has('default');
  return sections.filter(
    ({ title, extra }) => wanted.has(title.toLowerCase()) || (withDefaults && extra !== true),
  );
}

function render(call: Call, shown: readonly Section[]): string {
  let counted: EngineStats | undefined;
  const stats = (): EngineStats => {
    counted ??= call.engine.stats();
    return counted;
  };
  const { loading } = call.server;
  const told = loading === undefined ? shown : shown.filter(({ ofData }) => ofData !== true);
  const texts = told.map(({ title, fields }) => {
    const lines = fields(call, stats).map(([name, value]) => `${name}:${value}\r\n`);
    return `# ${title}\r\n${lines.join('')}`;
  });
  return texts.join('\r\n');
}

/** Microseconds since the epoch. */
function microseconds(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

export const infoCommands = [
  command({
    name: 'INFO',
    summary: "The server's state as lines of name:value, in sections: the usual ones, some by name, or all.",
    group,
    complexity: 'O(N), N the tags and their values',
    flags: ['dangerous', 'loading'],
    arguments: { sections: optional(many(text())) },
    reply: replies.verbatim,
    differs: 'What there is no such thing of is left out; the sections Segments and Audiences are added.',
    run: (call, { sections: names = [] }) => render(call, chosen(names)),
  }),
  command({
    name: 'DBSIZE',
    summary: 'How many keys there are: users, tags that have users, and audiences.',
    group,
    complexity: 'O(N), N the tags',
    flags: ['readonly', 'fast'],
    arguments: {},
    reply: replies.integer,
    run: keyCount,
  }),
  command({
    name: 'TIME',
    summary: "The server's time: seconds since 1970, and microseconds of the second.",
    group,
    complexity: 'O(1)',
    flags: ['fast', 'loading'],
    arguments: {},
    reply: replies.array(replies.bulk),
    run() {
      const now = microseconds();
      return [String(Math.floor(now / 1e6)), String(now % 1e6)];
    },
  }),
];
