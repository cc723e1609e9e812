import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ended, run, type SpawnedServer, startCli } from '../support/cli.js';
import { describeWith } from '../support/redis-server.js';
import { encodeCommand } from '../support/resp.js';
import { awk } from './sample-rows.js';

let server: SpawnedServer;

beforeAll(async () => {
  server = await startCli('--sample');
});
afterAll(() => server?.stop());

/** What a program prints that ends well and complains of nothing. */
async function output(
  program: string,
  args: readonly string[],
  input: string | Buffer = '',
): Promise<string> {
  const { code, stdout, stderr }: Ended = await run(program, ['-p', `${server.port}`, ...args], input);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describeWith('redis-cli', 'redis-cli on the sample', () => {
  const cli = (...args: string[]): Promise<string> => output('redis-cli', args);

  it('shows the first row of the file', async () => {
    const row = await awk('NR == 2 { print $1; print $10; print $4; print $15 == ">50K" ? 1 : "" }');
    const printed = await cli('HMGET', 'user:p1', 'age', 'sex', 'education', 'high-income');
    expect(printed.trim()).toBe(row);
    expect(row).toBe('39\nMale\nBachelors');
  });

  it('counts what awk counts', async () => {
    const women = await awk('$10 == "Female" && $15 == ">50K" { n++ } END { print n }');
    expect(await cli('SINTERCARD', '2', 'tag:high-income', 'tag:sex=Female')).toBe(`${women}\n`);
    expect(await cli('SCARD', 'tag:education=Masters')).toBe(`${await awk('$4 == "Masters"').then(lines)}\n`);
  });

  it('shows replies of every kind, in RESP2 and RESP3', async () => {
    for (const version of ['-2', '-3']) {
      const show = (...args: string[]) => cli(version, '--no-raw', ...args);
      expect(await show('HGET', 'user:p1', 'age')).toBe('"39"\n');
      expect(await show('HGET', 'user:p1', 'nosuch')).toBe('(nil)\n');
      expect(await show('SCARD', 'tag:age')).toBe('(integer) 48842\n');
      expect(await show('TYPE', 'user:p1')).toBe('hash\n');
      expect(await show('NOSUCH')).toBe("(error) ERR unknown command 'NOSUCH', with args beginning with: \n");
      expect(await show('SMEMBERS', 'tag:nosuch')).toBe(
        version === '-3' ? '(empty set)\n' : '(empty array)\n',
      );
    }
    expect(await cli('-3', '--no-raw', 'HGETALL', 'user:p1')).toMatch(/^ *1# "age" => "39"$/m);
    expect(JSON.parse(await cli('-3', '--json', 'HGETALL', 'user:p1'))).toMatchObject({
      age: '39',
      sex: 'Male',
    });
    expect(await cli('--csv', 'HMGET', 'user:p1', 'age', 'sex')).toBe('"39","Male"\n');
  });

  it('lists, informs and describes', async () => {
    expect(await cli('INFO')).toMatch(/^# Server\r\n(.+\r\n)*redis_version:7/);
    expect(await cli('CLIENT', 'LIST')).toMatch(/^id=\d+ addr=127\.0\.0\.1:\d+ .* cmd=client\|list /);
    expect(await cli('COMMAND', 'COUNT')).toMatch(/^\d+\n$/);
    expect((await cli('COMMAND', 'DOCS')).length).toBeGreaterThan(10_000);
    expect(await cli('--scan', '--pattern', 'user:p4884?')).toBe('user:p48840\nuser:p48841\nuser:p48842\n');
    expect(await cli('-r', '3', 'PING')).toBe('PONG\nPONG\nPONG\n');
    const typed = await output('redis-cli', [], 'MULTI\nSADD tag:typed "a b"\nSCARD tag:typed\nEXEC\n');
    expect(typed).toBe('OK\nQUEUED\nQUEUED\n1\n1\n');
  });

  it('finds the big keys', async () => {
    const report = await cli('--bigkeys');
    expect(report).toMatch(/Biggest\s+set found '"tag:age"' has 48842 members/);
    const [, fields] = /\d{5} hashs with (\d+) fields/.exec(report)!;
    const [, members] = /\d+ sets with (\d+) members/.exec(report)!;
    expect(fields).toBe(members);
    expect(await cli('--memkeys')).toMatch(/Biggest\s+set found .* bytes/);
  });

  it('loads through a pipe', async () => {
    const commands = Array.from({ length: 10_000 }, (_, i) =>
      encodeCommand(
        i % 2 === 0 ? ['HSET', `user:pipe${i}`, 'n', `${i}`] : ['SADD', 'tag:piped', `pipe${i - 1}`],
      ),
    );
    const report = await output('redis-cli', ['--pipe'], Buffer.concat(commands));
    expect(report).toContain('errors: 0, replies: 10000');
    expect(await cli('SCARD', 'tag:piped')).toBe('5000\n');
    const mixed = Buffer.concat([...commands.slice(0, 10), encodeCommand(['HSET', 'user:p1', 'age', 'old'])]);
    const { code, stdout, stderr } = await run('redis-cli', ['-p', `${server.port}`, '--pipe'], mixed);
    expect(stderr + stdout).toContain('tag "age" is a number: "old" is not an integer');
    expect(stdout).toContain('errors: 1, replies: 11');
    expect(code).toBe(1);
  });

  it('authenticates', async () => {
    const locked = await startCli('--password', 'secret');
    const port = `${locked.port}`;
    const ask = (...args: string[]) => run('redis-cli', ['-p', port, '--no-auth-warning', ...args]);
    expect((await ask('PING')).stdout).toContain('NOAUTH Authentication required.');
    expect((await ask('-a', 'secret', 'PING')).stdout).toBe('PONG\n');
    expect((await ask('-3', '--user', 'default', '--pass', 'secret', 'PING')).stdout).toBe('PONG\n');
    expect((await ask('-a', 'wrong', 'PING')).stderr).toContain('WRONGPASS');
    expect((await locked.stop()).code).toBe(0);
  });
});

describeWith('redis-benchmark', 'redis-benchmark on the sample', () => {
  it.each([
    [['HMGET', 'user:p1', 'age', 'sex', 'education', 'high-income']],
    [['-P', '16', '-r', '40000', 'HMGET', 'user:p__rand_int__', 'age']],
    [['-P', '16', '-r', '10000', 'SADD', 'tag:bench', 'bench:__rand_int__']],
    [['-3', 'SCARD', 'tag:sex=Male']],
  ])('%j prints a rate', async (words) => {
    const args = ['-n', '1000', '-c', '10', '-q', ...words];
    expect(await output('redis-benchmark', args)).toMatch(/: \d+\.\d+ requests per second, p50=[\d.]+ msec/);
  });

  it('runs its own tests of hashes and sets where there are no prefixes', async () => {
    const bare = await startCli('--user-prefix', '', '--tag-prefix', '');
    const args = ['-p', `${bare.port}`, '-n', '1000', '-c', '10', '-P', '4', '-r', '100', '-q'];
    const { code, stdout, stderr } = await run('redis-benchmark', [...args, '-t', 'ping,sadd,hset,spop']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).not.toMatch(/error/i);
    for (const name of ['PING_INLINE', 'PING_MBULK', 'SADD', 'HSET', 'SPOP']) {
      expect(stdout).toMatch(new RegExp(`${name}: \\d+\\.\\d+ requests per second`));
    }
    expect((await bare.stop()).code).toBe(0);
  });
});

function lines(text: string): number {
  return text.split('\n').length;
}
