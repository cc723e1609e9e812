/**
 * Random commands that mean the same to Redis and to this server, from few keys, fields and members so that they meet often.
 * Users, tags of users, tags as sets, and members have names of their own (h, f, s, m): here a hash's field is a tag, and a
 * tag's member is a user, which to Redis are things apart.
 */
import fc from 'fast-check';
import { type Command, utf8 } from './words.js';

/** What the keys of users and of tags begin with. */
export interface Prefixes {
  readonly user: string;
  readonly tag: string;
}

type Text = fc.Arbitrary<string>;
type Words = fc.Arbitrary<readonly string[]>;

const HASHES = ['h1', 'h2', 'h3', `h${'x'.repeat(200)}`, utf8('hé'), 'h\0\xff', 'h 1'];
const SETS = ['s1', 's2', 's3', 's4', `s${'x'.repeat(200)}`, utf8('sé')];
const FIELDS = ['f1', 'f2', 'f3', 'f4', 'f5', utf8('f日本'), `f${'x'.repeat(100)}`, 'f 1', 'f:*'];
const MEMBERS = [
  ...['m1', 'm2', 'm3', 'm4', 'm5', 'm6'],
  ...['m\0\r\n', 'm\xff\xfe', utf8('mé'), `m${'x'.repeat(200)}`],
];
const INTEGERS = ['0', '1', '-1', '2', '10', '-7'];
/** Sums of as many as come in a conversation stay within ±2^52; from there on numbers are exact in Redis only. */
const LARGE_INTEGERS = ['4294967296', '-99999999999999', '1'];
const VALUES = [
  ...INTEGERS,
  ...['', 'x', 'y', 'z', '01', '+1', '1.5', '-0', '1 ', utf8('ü'), '0.1', '1e2', 'inf', 'v'.repeat(60)],
];
/** Sums are exact here; in Redis only as long as they are small. */
const FLOATS = ['0', '1', '-1.5', '0.1', '0.2', '+2', '25e-1', '1E0', '.5', '3.', '-0', '3.0', '-0.25'];
const NOT_INTEGERS = ['', 'x', '1.5', '01', ' 1', '1 ', '+1', '0x1', '--1', '99999999999999999999', '1e3'];
const NOT_FLOATS = ['', 'x', '1x', ' 1', '1 ', '--1', '1e', '.', '1..2', 'nan', 'inf', '-inf', '+INFINITY'];
const PATTERNS = ['*', 'f*', '?1', 'f[12]', 'm[^1]', 'm?', '[fm]\\1', 'no', ''];
const WRONG_CURSORS = ['x', '1.5', '-', '1 ', '99999999999999999999', '99999999999999999999999'];

const one = (...words: readonly string[]): Text => fc.constantFrom(...words);
const literal = (...words: readonly string[]): Words => fc.constant(words);

/** A word in any case. */
function anyCase(word: string): Text {
  return one(word, word, word.toLowerCase(), word[0] + word.slice(1).toLowerCase());
}

/** A command: its name in any case, and its words. */
function of(name: string, ...words: readonly (Text | Words)[]): Words {
  return fc.tuple(anyCase(name), ...words).map((parts) => parts.flat());
}

function some(arbitrary: Text, max = 4): Words {
  return fc.array(arbitrary, { minLength: 1, maxLength: max });
}

function hashCommands(key: Text): Words[] {
  const field = one(...FIELDS);
  const value = one(...VALUES);
  const cells = fc.array(fc.tuple(field, value), { minLength: 1, maxLength: 4 }).map((pairs) => pairs.flat());
  const oddCells = fc.tuple(cells, field).map((parts) => parts.flat());
  return [
    of('HSET', key, cells),
    of('HSET', key, cells),
    of('HSET', key, oddCells),
    of('HMSET', key, cells),
    of('HMSET', key, oddCells),
    of('HSETNX', key, field, value),
    of('HGET', key, field),
    of('HMGET', key, some(field)),
    of('HGETALL', key),
    of('HKEYS', key),
    of('HVALS', key),
    of('HLEN', key),
    of('HEXISTS', key, field),
    of('HSTRLEN', key, field),
    of('HDEL', key, some(field)),
    of('HDEL', key, fc.constant(FIELDS)),
    of('HINCRBY', key, field, one(...INTEGERS)),
    of('HINCRBY', key, one('f large'), one(...LARGE_INTEGERS)),
    of('HINCRBY', key, field, one(...NOT_INTEGERS)),
    of('HINCRBYFLOAT', key, field, one(...FLOATS)),
    of('HINCRBYFLOAT', key, field, one(...NOT_FLOATS)),
    of('HRANDFIELD', key),
    of('HRANDFIELD', key, one('0', '1', '3', '1000', '-1', '-5')),
    of('HRANDFIELD', key, one('0', '2', '1000', '-4'), anyCase('WITHVALUES')),
    of('HRANDFIELD', key, one(...NOT_INTEGERS)),
    of('HRANDFIELD', key, one('1', '-1'), one('VALUES', '', '1')),
    of('HRANDFIELD', key, one('1', 'x'), literal('WITHVALUES', 'WITHVALUES')),
    of('HSCAN', key, one('0'), wholePage()),
    of('HSCAN', key, one(...WRONG_CURSORS), wrongOptions()),
  ];
}

function setCommands(key: Text): Words[] {
  const member = one(...MEMBERS);
  const asked = one(...MEMBERS, '', 'm'.repeat(300));
  const numbered = some(key).map((keys) => [`${keys.length}`, ...keys]);
  const limit = fc.tuple(anyCase('LIMIT'), one('0', '1', '2', '5', '1000'));
  const wrongLimit = fc.constantFrom(['LIMIT'], ['LIMIT', 'x'], ['LIMIT', '-1'], ['LIMITS', '1'], ['1']);
  return [
    ...['INTER', 'UNION', 'DIFF'].flatMap((verb) => [
      of(`S${verb}`, some(key)),
      of(`S${verb}STORE`, key, some(key)),
    ]),
    of('SADD', key, some(member)),
    of('SADD', key, some(member)),
    of('SADD', key, fc.constant(MEMBERS)),
    of('SREM', key, some(member)),
    of('SISMEMBER', key, asked),
    of('SMISMEMBER', key, some(asked)),
    of('SCARD', key),
    of('SMEMBERS', key),
    of('SMOVE', key, key, member),
    of('SRANDMEMBER', key),
    of('SRANDMEMBER', key, one('0', '1', '3', '1000', '-1', '-5')),
    of('SRANDMEMBER', key, one(...NOT_INTEGERS)),
    of('SRANDMEMBER', key, literal('1', '1')),
    // Which members a smaller count takes is up to each server; see the test of random picks.
    of('SPOP', key, one('0', '1000')),
    of('SPOP', key, one(...NOT_INTEGERS, '-1')),
    of('SPOP', key, literal('1', '1')),
    of('SINTERCARD', numbered),
    of('SINTERCARD', numbered, limit),
    of('SINTERCARD', numbered, limit, limit),
    of('SINTERCARD', numbered, wrongLimit),
    of('SINTERCARD', one('0', '-1', 'x', '5', ''), some(key)),
    of('SSCAN', key, one('0'), wholePage()),
    of('SSCAN', key, one(...WRONG_CURSORS), wrongOptions()),
  ];
}

/** Options that ask for everything: how much a page with a smaller COUNT holds is up to each server. */
function wholePage(): Words {
  const match = fc.tuple(anyCase('MATCH'), one(...PATTERNS));
  const all = fc.tuple(anyCase('COUNT'), one('1000', '5000'));
  const some = fc.array(match, { maxLength: 1 });
  return fc.tuple(some, all, some).map((parts) => parts.flat(2));
}

function wrongOptions(): Words {
  const count = ['0', '-1', 'x', '', '1.5'].map((size) => ['COUNT', size]);
  return fc.constantFrom(
    ...count,
    ['COUNT'],
    ['MATCH'],
    ['1'],
    ['COUNT', '10', 'MATCH'],
    ['COUNT', '9', 'x'],
  );
}

function keyCommands({ user, tag }: Prefixes, key: Text): Words[] {
  // Members and fields are keys here, so listings are of the names of hashes or of sets only.
  const kind = one(`${user}h`, `${tag}s`);
  const pattern = fc.tuple(kind, one('*', '?', '[12]', '*\\*', '1')).map((parts) => parts.join(''));
  const page = fc.tuple(anyCase('MATCH'), pattern, one('COUNT'), one('5000')).map((parts) => [...parts]);
  const type = fc.tuple(anyCase('TYPE'), one('hash', 'SET', 'string', 'zset', 'nosuch'));
  return [
    of('TYPE', key),
    of('EXISTS', some(key)),
    of('DEL', some(key)),
    of('UNLINK', some(key)),
    of('TTL', key),
    of('PTTL', key),
    of('KEYS', pattern),
    of('SCAN', one('0', ''), page),
    of('SCAN', one('0'), page, type),
    of('SCAN', one(...WRONG_CURSORS), page),
    of('SCAN', one('0', 'x'), wrongOptions()),
  ];
}

/** Commands that need at least one word; alone, each has too few. */
const NEEDY = [
  ...['HGET', 'HMGET', 'HGETALL', 'HEXISTS', 'HKEYS', 'HVALS', 'HLEN', 'HSTRLEN', 'HSET', 'HMSET', 'HSETNX'],
  ...['HDEL', 'HINCRBY', 'HINCRBYFLOAT', 'HSCAN', 'HRANDFIELD', 'SADD', 'SREM', 'SISMEMBER', 'SMISMEMBER'],
  ...[
    'SCARD',
    'SMEMBERS',
    'SSCAN',
    'SMOVE',
    'SPOP',
    'SRANDMEMBER',
    'SINTER',
    'SUNION',
    'SDIFF',
    'SINTERSTORE',
  ],
  ...[
    'SUNIONSTORE',
    'SDIFFSTORE',
    'SINTERCARD',
    'TYPE',
    'EXISTS',
    'DEL',
    'UNLINK',
    'TTL',
    'PTTL',
    'KEYS',
    'SCAN',
  ],
  ...['ECHO', 'SELECT', 'WATCH', 'CLIENT', 'CONFIG', 'OBJECT', 'MEMORY', 'SLOWLOG', 'LATENCY', 'MODULE'],
];
const ALONE = ['DBSIZE', 'RANDOMKEY', 'TIME', 'MULTI', 'EXEC', 'DISCARD', 'UNWATCH'];
const SUBCOMMANDS = [
  ...[
    'CLIENT NoSuch',
    'CLIENT \xff\0x',
    'CLIENT ID x',
    'CONFIG nosuch x',
    'CONFIG GET',
    'CONFIG SET x',
    'OBJECT nosuch h1',
  ],
  ...[
    'OBJECT ENCODING',
    'MEMORY nosuch',
    'MEMORY USAGE',
    'SLOWLOG nosuch',
    'SLOWLOG LEN x',
    'LATENCY nosuch',
  ],
  ...['MODULE nosuch', 'MODULE LIST x', 'COMMAND nosuch', 'COMMAND COUNT x'],
];

/** Wrong numbers of words, unknown names, and small talk. */
function oddCommands(): Words[] {
  const word = one(
    'a',
    '',
    '1',
    'x'.repeat(50),
    'y'.repeat(200),
    '"',
    "it's",
    '\r\n',
    'a\0b',
    '\xff',
    utf8('é'.repeat(70)),
  );
  const unknown = one('NOSUCH', 'hgett', '', 'h get', 'x'.repeat(300), 'a\r\nb', 'HGET\0', '\xff', utf8('é'));
  return [
    one(...NEEDY).chain((name) => of(name)),
    one(...ALONE).chain((name) => of(name, word)),
    one(...SUBCOMMANDS).map((line) => line.split(' ')),
    fc.tuple(unknown, fc.array(word)).map((parts) => parts.flat()),
    of('PING'),
    of('PING', word),
    of('PING', word, word),
    of('ECHO', word),
    of('SELECT', one('0', 'x', '', '-1', '1.5', '99999999999')),
  ];
}

/** Commands as a client sends them: mostly one by one, some in transactions. */
export function conversation(prefixes: Prefixes): fc.Arbitrary<Command[]> {
  const hash = one(...HASHES.map((name) => prefixes.user + name));
  const set = one(...SETS.map((name) => prefixes.tag + name));
  const command = fc.oneof(
    { arbitrary: fc.oneof(...hashCommands(hash)), weight: 10 },
    { arbitrary: fc.oneof(...setCommands(set)), weight: 10 },
    { arbitrary: fc.oneof(...keyCommands(prefixes, fc.oneof(hash, set))), weight: 4 },
    { arbitrary: fc.oneof(...oddCommands()), weight: 2 },
  );
  const misplaced = fc.oneof(of('MULTI'), of('WATCH', hash), of('UNWATCH'));
  const transaction = fc.tuple(
    of('MULTI').map((words) => [words]),
    fc.array(fc.oneof({ arbitrary: command, weight: 12 }, misplaced), { maxLength: 6 }),
    fc.oneof({ arbitrary: of('EXEC'), weight: 4 }, of('DISCARD')).map((words) => [words]),
  );
  // Redis does not look at the options when there is no such key; this server does.
  const wrongScan = fc.oneof(
    fc.tuple(hash, wrongOptions()).map(([key, words]) => [
      ['HSET', key, 'f1', 'x'],
      ['HSCAN', key, '0', ...words],
    ]),
    fc.tuple(set, wrongOptions()).map(([key, words]) => [
      ['SADD', key, 'm1'],
      ['SSCAN', key, '0', ...words],
    ]),
  );
  const step: fc.Arbitrary<Command[]> = fc.oneof(
    { arbitrary: command.map((words) => [words]), weight: 20 },
    { arbitrary: transaction.map((parts) => parts.flat()), weight: 2 },
    wrongScan,
    fc.oneof(of('EXEC'), of('DISCARD'), of('UNWATCH')).map((words) => [words]),
  );
  return fc.array(step, { maxLength: 40, size: 'max' }).map((steps) => steps.flat());
}
