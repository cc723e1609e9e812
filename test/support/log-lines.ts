import { createLogger, type Logger } from '../../protocol/logging.js';
import type { ServerOptions } from '../../src/options.js';

/** One line of a log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A logger whose lines are kept. */
export interface KeptLog {
  readonly logger: Logger;
  /** As they were written, each with its end. */
  readonly text: readonly string[];
  /** As they are read. */
  lines(): LogLine[];
  /** Those with this message. */
  of(message: string): LogLine[];
}

/** A logger of this level that keeps its lines of JSON. */
export function keptLog(logLevel: ServerOptions['logLevel']): KeptLog {
  const text: string[] = [];
  const logger = createLogger({ logLevel, logFormat: 'json' }, { write: (line) => void text.push(line) });
  const lines = () => text.map((line) => JSON.parse(line) as LogLine);
  return { logger, text, lines, of: (message) => lines().filter(({ msg }) => msg === message) };
}
