import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type ReaderLimits } from '../../protocol/resp/limits.js';
import { INPUTS } from '../support/protocol-cases.js';
import { damagedProtocol, randomNumbers } from '../support/random-protocol.js';
import { readCommands } from '../support/read-commands.js';
import { describeWithRedis, exchange, type RedisServer, startRedisServer } from '../support/redis-server.js';
import { decodeReplies } from '../support/resp.js';

/** Redis 7 has no limit on the number of arguments but its type; ours is that of the versions before. */
const LIMITS: ReaderLimits = { ...DEFAULT_LIMITS, maxArguments: 2 ** 31 - 1 };
/** How many damaged inputs a run compares, each on a connection of its own. */
const RUNS = 500;

/** What a server that knows PING and ECHO answers, by our reader; other commands are errors of any text. */
function ourReplies(input: Buffer, limits: ReaderLimits): string[] {
  const { commands, error } = readCommands([input], limits);
  const replies = commands.map((words) => {
    const name = words[0]!.toLowerCase();
    if (name === 'ping' && words.length <= 2) return words[1] ?? 'PONG';
    return name === 'echo' && words.length === 2 ? words[1]! : 'refused';
  });
  if (error !== null) replies.push(`ERR ${error.replace(/[\r\n]/g, ' ')}`);
  return replies;
}

/** What Redis answers, in the same form. */
async function redisReplies(port: number, input: Buffer): Promise<string[]> {
  const replies = decodeReplies(await exchange(port, input));
  return replies.map(({ type, text }) => {
    return type === '-' && !text!.startsWith('ERR Protocol error') ? 'refused' : text!;
  });
}

describeWithRedis('RespReader next to Redis', () => {
  let redis: RedisServer;
  let locked: RedisServer;

  beforeAll(async () => {
    [redis, locked] = await Promise.all([startRedisServer(), startRedisServer('--requirepass', 'secret')]);
  });
  afterAll(async () => {
    await Promise.all([redis?.stop(), locked?.stop()]);
  });

  it.each(INPUTS)('%j', async (text) => {
    const input = Buffer.from(text, 'latin1');
    expect(ourReplies(input, LIMITS)).toEqual(await redisReplies(redis.port, input));
  });

  it.each([
    ['too big inline request', 'x'.repeat(70_000)],
    ['too big mbulk count string', `*${'1'.repeat(70_000)}`],
    ['too big bulk count string', `*1\r\n$${'1'.repeat(70_000)}`],
  ])('%s', async (detail, text) => {
    const input = Buffer.from(text);
    expect(ourReplies(input, LIMITS)).toEqual([`ERR Protocol error: ${detail}`]);
    expect(await redisReplies(redis.port, input)).toEqual([`ERR Protocol error: ${detail}`]);
  });

  it.each(['*11\r\n', '*4294967296\r\n', '*1\r\n$16385\r\n', '*1\r\n$536870913\r\n'])(
    'without a password, %j',
    async (text) => {
      const input = Buffer.from(text);
      const limits = { ...LIMITS, unauthenticated: true };
      expect(ourReplies(input, limits)).toEqual(await redisReplies(locked.port, input));
    },
  );

  it('answers damaged input as Redis does', async () => {
    const seed = Date.now() & 0x7fffffff;
    const random = randomNumbers(seed);
    for (let run = 0; run < RUNS; run++) {
      const input = damagedProtocol(random);
      const where = `seed ${seed}, run ${run}, ${JSON.stringify(input.toString('latin1'))}`;
      expect(ourReplies(input, LIMITS), where).toEqual(await redisReplies(redis.port, input));
    }
  });
});
