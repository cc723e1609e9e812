/** Commands: each is declared once and completely, documented from its declaration, and tested. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../protocol/command.js';
import { CommandTable } from '../../protocol/command-table.js';
import { commandsMarkdown, optionsMarkdown, syntaxOf } from '../../protocol/describe.js';
import { apiMarkdown } from '../../protocol/http/documents/api-markdown.js';
import { clientOperations } from '../../protocol/http/documents/client-operations.js';
import { referenceOf } from '../../protocol/http/documents/reference.js';
import { allEndpoints, clientEndpoints } from '../../protocol/http/endpoints/index.js';
import { allCommands } from '../../protocol/registry.js';

const ROOT = new URL('../../', import.meta.url);

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** The sources of all tests but these, and of what they share. */
const sources = readdirSync(fileURLToPath(new URL('test/', ROOT)), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.startsWith('guards'))
  .map((path) => read(`test/${path}`))
  .join('\n');

/**
 * Is the command sent by a test? Its name must stand where a command begins: first in a list or a call, as words of their
 * own or as the beginning of a line. So the option TYPE of SCAN is no test of the command TYPE.
 */
function isSent({ words }: Command, text: string): boolean {
  const parts = words.map((word) => word.replace('.', '\\.'));
  const listed = parts.map((part) => `['"\`]${part}['"\`]`).join(',\\s*');
  const line = `['"\`]${parts.join(' ')}[ '"\`]`;
  return new RegExp(`[[(]\\s*(${listed}|${line})`).test(text);
}

describe('every command', () => {
  it('is sent by a test', () => {
    const untested = allCommands.filter((command) => !isSent(command, sources)).map(({ name }) => name);
    expect(untested).toEqual([]);
  });

  it('has a name of its own', () => {
    const names = allCommands.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    for (const name of names) expect(name).toMatch(/^[A-Z]+([.-][A-Z]+)*( [A-Z]+(-[A-Z]+)*)?$/);
    expect(new CommandTable(allCommands).entries.size).toBe(allCommands.length);
  });

  it.each(allCommands.map((command) => [command.name, command] as const))(
    '%s says what it is',
    (_, command) => {
      const { summary, complexity, differs, replyShape, flags, minWords, maxWords, words } = command;
      expect(summary).toMatch(/^[A-Z].*[^ ]\.$/);
      expect(complexity).toMatch(/^(O\(.+\)|as the commands)/);
      if (differs !== undefined) expect(differs).toMatch(/^.+\.$/);
      expect(replyShape).not.toBe('');
      expect(minWords).toBeGreaterThanOrEqual(words.length);
      expect(maxWords).toBeGreaterThanOrEqual(minWords);
      expect(flags.has('write') && flags.has('readonly')).toBe(false);
      expect(syntaxOf(command)).toMatch(new RegExp(`^${command.name.replace('.', '\\.')}( \\S+)*$`));
    },
  );
});

describe('the search for tests', () => {
  const type = allCommands.find(({ name }) => name === 'TYPE')!;
  const list = allCommands.find(({ name }) => name === 'CLIENT LIST')!;

  it.each([
    [type, "client.call('TYPE', 'user:a')", true],
    [type, "[\n  'TYPE',\n  key]", true],
    [type, "send('TYPE user:a')", true],
    [type, "client.call('SCAN', '0', 'TYPE', 'hash')", false],
    [type, "client.call('type')", false],
    [type, "of('TYPES')", false],
    [list, "client.call('CLIENT', 'LIST')", true],
    [list, "cli('CLIENT LIST')", true],
    [list, "client.call('CLIENT', 'ID')", false],
    [list, "client.call('CLIENT', mode)", false],
  ])('%o in %s: %s', (command, text, found) => {
    expect(isSent(command, text)).toBe(found);
  });
});

describe('the reference', () => {
  const advice = 'is stale; npm run docs makes it anew';

  it('of commands is what the declarations say', () => {
    const made = commandsMarkdown(allCommands, allEndpoints);
    expect(read('docs/commands.md') === made, `docs/commands.md ${advice}`).toBe(true);
  });

  it('of options is what their table says', () => {
    expect(read('docs/options.md') === optionsMarkdown(), `docs/options.md ${advice}`).toBe(true);
  });

  it('of the HTTP API is what the endpoints say', () => {
    const made = apiMarkdown(referenceOf(allEndpoints));
    expect(read('docs/http-api.md') === made, `docs/http-api.md ${advice}`).toBe(true);
  });

  it('of operations, for the client, is what the endpoints say', () => {
    const path = 'protocol/client/operations.ts';
    expect(read(path) === clientOperations(clientEndpoints), `${path} ${advice}`).toBe(true);
  });

  it('has every command that the project promises', () => {
    const required = [
      ...[
        'HELLO',
        'AUTH',
        'PING',
        'ECHO',
        'QUIT',
        'RESET',
        'SELECT',
        'COMMAND',
        'INFO',
        'DBSIZE',
        'TIME',
        'SHUTDOWN',
      ],
      ...['SAVE', 'BGSAVE', 'BGREWRITEAOF', 'LASTSAVE'],
      ...['ID', 'INFO', 'LIST', 'KILL', 'SETNAME', 'GETNAME', 'SETINFO', 'NO-EVICT', 'NO-TOUCH', 'REPLY'].map(
        (name) => `CLIENT ${name}`,
      ),
      ...['COUNT', 'LIST', 'INFO', 'DOCS', 'GETKEYS'].map((name) => `COMMAND ${name}`),
      ...['CONFIG GET', 'CONFIG SET', 'CONFIG RESETSTAT', 'MEMORY USAGE', 'OBJECT ENCODING', 'MODULE LIST'],
      ...[
        'SLOWLOG GET',
        'SLOWLOG LEN',
        'SLOWLOG RESET',
        'LATENCY LATEST',
        'LATENCY HISTOGRAM',
        'LATENCY RESET',
      ],
      ...[
        'FLUSHALL',
        'FLUSHDB',
        'MULTI',
        'EXEC',
        'DISCARD',
        'WATCH',
        'UNWATCH',
        'TYPE',
        'EXISTS',
        'DEL',
        'UNLINK',
      ],
      ...[
        'SCAN',
        'KEYS',
        'RANDOMKEY',
        'TTL',
        'PTTL',
        'HGET',
        'HMGET',
        'HGETALL',
        'HEXISTS',
        'HKEYS',
        'HVALS',
      ],
      ...[
        'HLEN',
        'HSTRLEN',
        'HSET',
        'HMSET',
        'HSETNX',
        'HDEL',
        'HINCRBY',
        'HINCRBYFLOAT',
        'HSCAN',
        'HRANDFIELD',
      ],
      ...[
        'SADD',
        'SREM',
        'SISMEMBER',
        'SMISMEMBER',
        'SCARD',
        'SMEMBERS',
        'SSCAN',
        'SRANDMEMBER',
        'SPOP',
        'SMOVE',
      ],
      ...[
        'SINTER',
        'SUNION',
        'SDIFF',
        'SINTERSTORE',
        'SUNIONSTORE',
        'SDIFFSTORE',
        'SINTERCARD',
        'SUNIONCARD',
      ],
      ...['SDIFFCARD', 'TAG.DECLARE', 'TAG.INFO', 'TAG.LIST', 'TAG.DROP', 'SEG.CHECK'],
      ...[
        'COUNT',
        'USERS',
        'TEST',
        'MATCH',
        'OVERLAP',
        'REACH',
        'EXPLAIN',
        'SAVE',
        'FREEZE',
        'ADD',
        'REMOVE',
      ].map((name) => `SEG.${name}`),
      ...['SEG.DESCRIBE', 'SEG.GET', 'SEG.LIST', 'SEG.RENAME', 'SEG.DROP', 'TAG.DISTRIBUTION', 'TAG.STATS'],
    ];
    const names = new Set(allCommands.map(({ name }) => name));
    expect(required.filter((name) => !names.has(name))).toEqual([]);
  });
});
