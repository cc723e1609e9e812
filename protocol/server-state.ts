/** What the commands of one server share: options, sessions, counters, logs. */
import { randomBytes } from 'node:crypto';
import type { Engine } from '../src/index.js';
import type { ServerOptions } from '../src/options.js';
import { AudienceOrder } from './audience-order.js';
import type { Command } from './command.js';
import { CommandTable } from './command-table.js';
import { EventLog, type Where } from './event-log.js';
import { Failures } from './failures.js';
import { FieldLists } from './field-lists.js';
import { type FinishedRequest, outcomeOf } from './http/service.js';
import { JournalWatch } from './journal-watch.js';
import { Keyspace } from './keyspace.js';
import { LatencyMonitor } from './latency-monitor.js';
import { LoadingEngine } from './loading.js';
import { type Logger, silentLogger } from './logging.js';
import { HttpMeter } from './metrics/http-meter.js';
import { Metrics } from './metrics/metrics.js';
import { RateMeter } from './rate-meter.js';
import { Outbox } from './resp/outbox.js';
import type { Session } from './resp/session.js';
import { Turns } from './resp/turns.js';
import { RespWriter } from './resp/writer.js';
import { SlowLog } from './slow-log.js';
import { UserAhead } from './user-ahead.js';

export class ServerState {
  /** Whoever uses it reads it here each time: it changes once, when it is loaded. */
  engine: Engine;
  /** What is loaded while `engine` only stands in for it, and the hot commands have nothing to work with. */
  loading: LoadingEngine | undefined;
  /** Changed by CONFIG SET; whoever uses an option reads it here each time. */
  readonly options: ServerOptions;
  readonly keyspace: Keyspace;
  readonly commands: CommandTable;
  fieldLists!: FieldLists;
  userAhead!: UserAhead;
  audienceOrder!: AudienceOrder;
  readonly sessions = new Map<number, Session>();
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;
  /** Every reply is written here and sent when the event ends, so one writer serves all sessions. */
  readonly writer = new RespWriter();
  readonly outbox = new Outbox(this.writer);
  /** Queries that take longer than a turn. */
  readonly turns = new Turns(() => this.outbox.flush());
  /** Milliseconds since the epoch. */
  readonly startedAt = Date.now();
  readonly runId = randomBytes(20).toString('hex');
  /** The port that clients reach, once it listens. */
  port = 0;
  connectionsReceived = 0;
  connectionsRejected = 0;
  inputBytes = 0;
  outputBytes = 0;
  readonly commandRate = new RateMeter();
  readonly inputRate = new RateMeter();
  readonly outputRate = new RateMeter();
  /** Errors replied, by their prefix. */
  readonly errors = new Map<string, number>();
  readonly logger: Logger;
  readonly events: EventLog;
  /** To be told of every error that a client is told; `countError` does so. */
  readonly failures: Failures;
  journalWatch!: JournalWatch;
  /** What is counted of HTTP. */
  readonly http = new HttpMeter();
  /** Closes the server and, when the command line started it, ends the process. */
  readonly shutdown: () => void;
  #nextSessionId = 1;
  #metrics: Metrics | undefined;
  #endVersionEvents = (): void => {};

  constructor(
    engine: Engine | LoadingEngine,
    options: ServerOptions,
    commands: readonly Command[],
    shutdown: () => void,
    logger = silentLogger,
  ) {
    this.options = options;
    this.keyspace = new Keyspace({
      user: options.userPrefix,
      tag: options.tagPrefix,
      audience: options.audiencePrefix,
    });
    this.commands = new CommandTable(commands);
    this.slowLog = new SlowLog(options);
    this.latency = new LatencyMonitor(options);
    this.shutdown = shutdown;
    this.logger = logger;
    this.events = new EventLog(logger);
    this.failures = new Failures(this.events, { look: () => this.#lookAtJournal() });
    if (engine instanceof LoadingEngine) {
      this.loading = engine;
      this.engine = engine.standIn;
      // If it fails, or is closed already, whoever has it loaded knows, and ends the server.
      engine.engine.then((loaded) => this.#serve(loaded)).catch(() => {});
    } else {
      this.engine = engine;
      this.#serve(engine);
    }
  }

  /** From now on, every command is for this engine. */
  #serve(engine: Engine): void {
    this.engine = engine;
    this.audienceOrder = new AudienceOrder(engine.store.audiences);
    this.fieldLists = new FieldLists(engine);
    this.userAhead = new UserAhead(engine.store, this.keyspace.userPrefix.length);
    this.journalWatch = new JournalWatch(engine, this.events);
    this.#endVersionEvents = engine.versions.onEvent((event) => this.events.versionEvent(event));
    this.loading = undefined;
  }

  /** Made when first asked for, because from then on the process is watched: whoever serves them asks when it starts. */
  get metrics(): Metrics {
    this.#metrics ??= new Metrics(this);
    return this.#metrics;
  }

  /** To be called when the server has ended. */
  close(): void {
    this.#endVersionEvents();
    this.#metrics?.close();
  }

  nextSessionId(): number {
    return this.#nextSessionId++;
  }

  /** Commands processed since the start or the last CONFIG RESETSTAT. */
  get commandsProcessed(): number {
    let calls = 0;
    for (const { stats } of this.commands.entries.values()) calls += stats.calls;
    return calls;
  }

  /** Counts the error reply that `error` led to. */
  countError(reply: string, error: unknown, where: Where): void {
    const prefix = reply.slice(0, Math.max(0, reply.indexOf(' '))) || reply;
    this.errors.set(prefix, (this.errors.get(prefix) ?? 0) + 1);
    this.failures.note(error, where);
  }

  /** To be told of every HTTP request that is over. */
  requestDone(request: FinishedRequest): void {
    this.http.onDone(request);
    const { answeredIn } = request;
    const entry = this.commands.named(request.command);
    if (entry !== undefined) this.commands.countHttp(entry, answeredIn, outcomeOf(request));
    if (this.slowLog.isSlow(answeredIn)) this.#noteSlow(request);
    this.events.requestDone(request);
  }

  /** The client is known by its request's id only: that, and the pattern of the route, tell nothing of users. */
  #noteSlow({ command, method, route, requestId, answeredIn }: FinishedRequest): void {
    this.slowLog.add(answeredIn, [Buffer.from(method), Buffer.from(route)], '', requestId);
    this.events.slowCommand(answeredIn, { command, route, requestId });
  }

  /** To be called every second or so. */
  tick(): void {
    this.#sampleRates();
    this.#lookAtJournal();
  }

  #lookAtJournal(): void {
    if (this.loading === undefined) this.journalWatch.look();
  }

  #sampleRates(): void {
    this.commandRate.sample(this.commandsProcessed);
    this.inputRate.sample(this.inputBytes);
    this.outputRate.sample(this.outputBytes);
  }

  /** CONFIG RESETSTAT. */
  resetStats(): void {
    this.commands.resetStats();
    this.connectionsReceived = 0;
    this.connectionsRejected = 0;
    this.inputBytes = 0;
    this.outputBytes = 0;
    this.errors.clear();
  }
}
