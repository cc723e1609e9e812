import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** Opens a connection for the length of `use`. */
async function withClient<T>(
  use: (client: RespClient) => Promise<T>,
  { on = server, protocol = 2 as 2 | 3 } = {},
): Promise<T> {
  const client = await on.connect(protocol);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** The fields of one line of CLIENT LIST. */
function fieldsOf(line: string): Map<string, string> {
  return new Map(
    line
      .trim()
      .split(' ')
      .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  );
}

async function infoOf(client: RespClient): Promise<Map<string, string>> {
  return fieldsOf((await client.call('CLIENT', 'INFO')) as string);
}

describe('HELLO', () => {
  it('tells what the server is', () =>
    withClient(async (client) => {
      const id = await client.call('CLIENT', 'ID');
      const fields = ['server', 'redis', 'version', '7.4.0', 'proto', 2, 'id', id, 'mode', 'standalone'];
      expect(await client.call('HELLO')).toEqual([...fields, 'role', 'master', 'modules', []]);
      const greeting = await client.call('HELLO', 3);
      expect(greeting).toBeInstanceOf(Map);
      expect((greeting as Map<string, unknown>).get('proto')).toBe(3);
      expect((await client.reply('HELLO')).type).toBe('%');
      expect((await client.reply('hello', 2)).type).toBe('*');
    }));

  it('names the connection', () =>
    withClient(async (client) => {
      await client.call('HELLO', 3, 'SETNAME', 'worker-1');
      expect(await client.call('CLIENT', 'GETNAME')).toBe('worker-1');
      expect((await infoOf(client)).get('resp')).toBe('3');
    }));

  it.each([
    [['4'], 'NOPROTO unsupported protocol version'],
    [['1'], 'NOPROTO unsupported protocol version'],
    [['-3'], 'NOPROTO unsupported protocol version'],
    [['x'], 'ERR Protocol version is not an integer or out of range'],
    [['3', 'FOO'], "ERR Syntax error in HELLO option 'FOO'"],
    [['3', 'AUTH', 'default'], "ERR Syntax error in HELLO option 'AUTH'"],
    [['3', 'SETNAME'], "ERR Syntax error in HELLO option 'SETNAME'"],
    [['3', 'SETNAME', 'a b'], 'ERR Client names cannot contain spaces, newlines or special characters.'],
    [['3', 'AUTH', 'nobody', 'x'], 'WRONGPASS invalid username-password pair or user is disabled.'],
  ])('refuses %j and leaves the protocol', (words, message) =>
    withClient(async (client) => {
      expect(await client.error('HELLO', ...words)).toBe(message);
      expect((await client.reply('HELLO')).type).toBe('*');
    }),
  );
});

describe('AUTH', () => {
  const WRONG = 'WRONGPASS invalid username-password pair or user is disabled.';

  it('without a password set, takes any from the default user', () =>
    withClient(async (client) => {
      expect(await client.error('AUTH', 'x')).toMatch(/^ERR AUTH <password> called without any password/);
      expect(await client.error('AUTH', 'nobody', 'x')).toBe(WRONG);
      expect(await client.error('AUTH', 'a', 'b', 'c')).toBe('ERR syntax error');
      expect(await client.error('AUTH')).toBe("ERR wrong number of arguments for 'auth' command");
      expect(await client.call('AUTH', 'default', 'x')).toBe('OK');
    }));

  it('with a password set, is needed before anything else', async () => {
    const locked = await startTestServer({ password: 'sésame' });
    try {
      const client = await locked.connect();
      for (const words of [
        ['PING'],
        ['HGET', 'user:u1', 'a'],
        ['CLIENT', 'ID'],
        ['COMMAND'],
        ['SELECT', '0'],
      ]) {
        expect(await client.error(...words)).toBe('NOAUTH Authentication required.');
      }
      expect(await client.error('HELLO', 3)).toMatch(
        /^NOAUTH HELLO must be called with the client already auth/,
      );
      expect(await client.error('AUTH', 'wrong')).toBe(WRONG);
      expect(await client.error('AUTH', '')).toBe(WRONG);
      expect(await client.error('AUTH', 'default', 'sésam')).toBe(WRONG);
      expect(await client.error('AUTH', 'other', 'sésame')).toBe(WRONG);
      expect(await client.error('HELLO', 3, 'AUTH', 'default', 'wrong', 'SETNAME', 'x')).toBe(WRONG);
      expect(await client.call('AUTH', 'sésame')).toBe('OK');
      expect(await client.call('PING')).toBe('PONG');
      expect(await client.error('AUTH', 'wrong')).toBe(WRONG);
      expect(await client.call('PING')).toBe('PONG');
      expect(await client.call('RESET')).toBe('RESET');
      expect(await client.error('PING')).toBe('NOAUTH Authentication required.');
      const greeting = await client.call('HELLO', 3, 'AUTH', 'default', 'sésame', 'SETNAME', 'x');
      expect(greeting).toBeInstanceOf(Map);
      expect(await client.call('CLIENT', 'GETNAME')).toBe('x');
    } finally {
      await locked.close();
    }
  });

  it('is not needed any more once the password is taken away', async () => {
    const locked = await startTestServer({ password: 'secret' });
    try {
      const [admin, other] = [await locked.connect(), await locked.connect()];
      expect(await other.error('PING')).toBe('NOAUTH Authentication required.');
      await admin.call('AUTH', 'secret');
      expect(await admin.call('CONFIG', 'SET', 'requirepass', '')).toBe('OK');
      expect(await other.call('PING')).toBe('PONG');
    } finally {
      await locked.close();
    }
  });

  it('never shows a password in the slow log', async () => {
    const locked = await startTestServer({ password: 'secret', slowlogLogSlowerThan: 0 });
    try {
      const client = await locked.connect();
      await client.call('AUTH', 'secret');
      await client.call('HELLO', 2, 'AUTH', 'default', 'secret');
      await client.call('CONFIG', 'SET', 'password', 'secret2');
      const log = JSON.stringify(await client.call('SLOWLOG', 'GET', -1));
      expect(log).not.toContain('secret');
      for (const words of [['AUTH'], ['HELLO'], ['CONFIG', 'SET']])
        expect(log).toContain(JSON.stringify(words));
    } finally {
      await locked.close();
    }
  });
});

describe('PING, ECHO, SELECT, QUIT and RESET', () => {
  it('answer as in Redis', () =>
    withClient(async (client) => {
      expect(await client.reply('PING')).toMatchObject({ type: '+', text: 'PONG' });
      expect(await client.reply('PING', 'hi there')).toMatchObject({ type: '$', text: 'hi there' });
      expect(await client.error('PING', 'a', 'b')).toBe("ERR wrong number of arguments for 'ping' command");
      expect(await client.call('ECHO', 'x')).toBe('x');
      expect(await client.error('ECHO')).toBe("ERR wrong number of arguments for 'echo' command");
      expect(await client.call('SELECT', 0)).toBe('OK');
      expect(await client.error('SELECT', 1)).toBe('ERR DB index is out of range');
      expect(await client.error('SELECT', -1)).toBe('ERR DB index is out of range');
      expect(await client.error('SELECT', 'x')).toBe('ERR value is not an integer or out of range');
      expect(await client.error('SELECT')).toBe("ERR wrong number of arguments for 'select' command");
      expect(await client.error('RESET', 'x')).toBe("ERR wrong number of arguments for 'reset' command");
    }));

  it('RESET makes the connection a new one', () =>
    withClient(
      async (client) => {
        await client.call('CLIENT', 'SETNAME', 'x');
        await client.call('CLIENT', 'NO-EVICT', 'ON');
        await client.call('MULTI');
        expect(await client.reply('RESET')).toMatchObject({ type: '+', text: 'RESET' });
        expect(await client.error('EXEC')).toBe('ERR EXEC without MULTI');
        const info = await infoOf(client);
        expect([info.get('name'), info.get('flags'), info.get('resp')]).toEqual(['', 'N', '2']);
      },
      { protocol: 3 },
    ));

  it('QUIT answers what came before it and nothing behind it', async () => {
    const client = await server.connect();
    client.send(['PING'], ['QUIT', 'ignored'], ['PING']);
    expect(await client.closed()).toBe('+PONG\r\n+OK\r\n');
    const other = await server.connect();
    client.send(['QUIT']);
    other.send(['MULTI'], ['QUIT']);
    expect(await other.closed()).toBe('+OK\r\n+OK\r\n');
  });
});

describe('CLIENT', () => {
  it('tells the connection about itself', () =>
    withClient(async (client) => {
      const id = (await client.call('CLIENT', 'ID')) as number;
      await client.call('CLIENT', 'SETNAME', 'me');
      await client.call('CLIENT', 'SETINFO', 'LIB-NAME', 'redis-py');
      await client.call('client', 'setinfo', 'lib-ver', '8.0.0');
      const info = await infoOf(client);
      expect(Object.fromEntries(info)).toMatchObject({
        id: `${id}`,
        laddr: `127.0.0.1:${server.port}`,
        name: 'me',
        age: '0',
        idle: '0',
        flags: 'N',
        db: '0',
        multi: '-1',
        watch: '0',
        cmd: 'client|info',
        user: 'default',
        resp: '2',
        'lib-name': 'redis-py',
        'lib-ver': '8.0.0',
        'tot-cmds': '4',
      });
      expect(info.get('addr')).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(Number(info.get('tot-net-in'))).toBeGreaterThan(100);
      expect((await client.reply('CLIENT', 'INFO')).text!.endsWith('\n')).toBe(true);
    }));

  it('lists the connections, or some of them', () =>
    withClient(async (client) => {
      const id = (await client.call('CLIENT', 'ID')) as number;
      await withClient(async (other) => {
        const otherId = (await other.call('CLIENT', 'ID')) as number;
        await other.call('MULTI');
        await other.call('GET', 'x');
        await other.call('DBSIZE');
        await other.call('CLIENT', 'ID');
        const list = async (...words: string[]): Promise<Map<string, string>[]> => {
          const text = (await client.call('CLIENT', 'LIST', ...words)) as string;
          return text
            .split('\n')
            .filter((line) => line !== '')
            .map(fieldsOf);
        };
        const ids = async (...words: string[]): Promise<number[]> =>
          (await list(...words)).map((fields) => Number(fields.get('id')));
        expect(await ids()).toEqual(expect.arrayContaining([id, otherId]));
        expect(await ids('TYPE', 'normal')).toEqual(expect.arrayContaining([id, otherId]));
        expect(await ids('TYPE', 'REPLICA')).toEqual([]);
        expect(await ids('ID', `${otherId}`, '999999')).toEqual([otherId]);
        const [fields] = await list('ID', `${otherId}`);
        expect([fields!.get('flags'), fields!.get('multi')]).toEqual(['x', '2']);
      });
      expect(await client.call('CLIENT', 'LIST', 'ID', '999999')).toBe('');
      expect(await client.error('CLIENT', 'LIST', 'TYPE')).toBe('ERR syntax error');
      expect(await client.error('CLIENT', 'LIST', 'TYPE', 'x')).toBe("ERR Unknown client type 'x'");
      expect(await client.error('CLIENT', 'LIST', 'ID')).toBe('ERR syntax error');
      expect(await client.error('CLIENT', 'LIST', 'ID', 'x')).toBe('ERR Invalid client ID');
      expect(await client.error('CLIENT', 'LIST', 'FOO')).toBe('ERR syntax error');
    }));

  it('takes and shows names', () =>
    withClient(async (client) => {
      const invalid = 'cannot contain spaces, newlines or special characters.';
      expect(await client.call('CLIENT', 'GETNAME')).toBe(null);
      expect(await client.call('CLIENT', 'SETNAME', 'worker:1')).toBe('OK');
      expect(await client.call('CLIENT', 'GETNAME')).toBe('worker:1');
      expect(await client.error('CLIENT', 'SETNAME', 'a\nb')).toBe(`ERR Client names ${invalid}`);
      expect(await client.error('CLIENT', 'SETNAME', 'é')).toBe(`ERR Client names ${invalid}`);
      expect(await client.call('CLIENT', 'SETNAME', '')).toBe('OK');
      expect(await client.call('CLIENT', 'GETNAME')).toBe(null);
      expect(await client.error('CLIENT', 'SETINFO', 'lib-name', 'a b')).toBe(`ERR lib-name ${invalid}`);
      expect(await client.error('CLIENT', 'SETINFO', 'lib-x', 'a')).toBe("ERR Unrecognized option 'lib-x'");
      expect(await client.error('CLIENT', 'SETINFO', 'lib-ver')).toMatch(
        /wrong number of .* 'client\|setinfo'/,
      );
    }));

  it('sets what is only shown', () =>
    withClient(async (client) => {
      expect(await client.call('CLIENT', 'NO-EVICT', 'on')).toBe('OK');
      expect(await client.call('CLIENT', 'NO-TOUCH', 'ON')).toBe('OK');
      expect((await infoOf(client)).get('flags')).toBe('eT');
      expect(await client.call('CLIENT', 'NO-EVICT', 'off')).toBe('OK');
      expect(await client.call('CLIENT', 'NO-TOUCH', 'off')).toBe('OK');
      expect((await infoOf(client)).get('flags')).toBe('N');
      expect(await client.error('CLIENT', 'NO-EVICT', 'maybe')).toBe('ERR syntax error');
      expect(await client.error('CLIENT', 'NO-TOUCH', 'maybe')).toBe('ERR syntax error');
    }));

  it('silences replies with CLIENT REPLY', () =>
    withClient(async (client) => {
      const reply = (mode: string): string[] => ['CLIENT', 'REPLY', mode];
      const echo = (text: string): string[] => ['ECHO', text];
      const texts = async (count: number, ...commands: string[][]): Promise<(string | null)[]> =>
        (await client.replies(count, ...commands)).map(({ text }) => text);
      expect(await texts(2, reply('SKIP'), echo('1'), echo('2'), echo('3'))).toEqual(['2', '3']);
      expect(await texts(2, reply('OFF'), echo('1'), ['NOSUCH'], reply('ON'), echo('2'))).toEqual([
        'OK',
        '2',
      ]);
      expect(await texts(2, reply('OFF'), reply('SKIP'), echo('1'), reply('ON'), echo('2'))).toEqual([
        'OK',
        '2',
      ]);
      expect(await texts(2, reply('SKIP'), reply('ON'), echo('1'))).toEqual(['OK', '1']);
      expect(await texts(1, reply('SKIP'), reply('SKIP'), echo('1'), echo('2'))).toEqual(['2']);
      expect(await client.error(...reply('MAYBE'))).toBe('ERR syntax error');
    }));

  it('kills by address, and says so when there is none', async () => {
    const victim = await server.connect();
    await withClient(async (client) => {
      const address = (await infoOf(victim)).get('addr')!;
      expect(await client.call('CLIENT', 'KILL', address)).toBe('OK');
      expect(await victim.closed()).toBe('');
      expect(await client.error('CLIENT', 'KILL', address)).toBe('ERR No such client');
      expect(await client.error('CLIENT', 'KILL', 'ID')).toBe('ERR No such client');
    });
  });

  it('kills by what options describe', async () => {
    await withClient(async (client) => {
      const id = (await client.call('CLIENT', 'ID')) as number;
      const fieldOf = { ID: 'id', ADDR: 'addr', LADDR: 'laddr', USER: 'user' };
      for (const by of ['ID', 'ADDR', 'LADDR', 'USER', 'TYPE'] as const) {
        const victim = await server.connect();
        const info = await infoOf(victim);
        const words = [by, by === 'TYPE' ? 'normal' : info.get(fieldOf[by])!];
        // All of the options must be true of a connection.
        expect(await client.call('CLIENT', 'KILL', ...words, 'MAXAGE', 1000)).toBe(0);
        expect(await client.call('CLIENT', 'KILL', ...words)).toBe(1);
        // Gone from the list at once, not only once its socket is closed.
        expect(await client.call('CLIENT', 'LIST', 'ID', info.get('id')!)).toBe('');
        expect(await victim.closed()).toBe('');
      }
      expect(await client.call('CLIENT', 'KILL', 'ID', 999_999)).toBe(0);
      expect(await client.call('CLIENT', 'KILL', 'ID', id)).toBe(0);
      expect(await client.call('CLIENT', 'KILL', 'MAXAGE', 1000)).toBe(0);
      expect(await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'no')).toBe(0);
    });
  });

  it('answers before it kills itself', async () => {
    const client = await server.connect();
    const id = await client.call('CLIENT', 'ID');
    client.send(['CLIENT', 'KILL', 'ID', `${id}`, 'SKIPME', 'no'], ['PING']);
    expect(await client.closed()).toBe(':1\r\n');
    const other = await server.connect();
    const address = (await infoOf(other)).get('addr')!;
    other.send(['CLIENT', 'KILL', address], ['PING']);
    expect(await other.closed()).toBe('+OK\r\n');
  });

  it.each([
    [['ID', 'x'], 'ERR client-id should be greater than 0'],
    [['ID', '0'], 'ERR client-id should be greater than 0'],
    [['TYPE', 'x'], "ERR Unknown client type 'x'"],
    [['USER', 'x'], "ERR No such user 'x'"],
    [['SKIPME', 'maybe'], 'ERR syntax error'],
    [['MAXAGE', 'x'], 'ERR maxage is not an integer or out of range'],
    [['MAXAGE', '0'], 'ERR maxage should be greater than 0'],
    [['FOO', 'x'], 'ERR syntax error'],
    [['ID', '7', 'SKIPME'], 'ERR syntax error'],
    [[], "ERR wrong number of arguments for 'client|kill' command"],
  ])('refuses KILL %j', (words, message) =>
    withClient(async (client) => expect(await client.error('CLIENT', 'KILL', ...words)).toBe(message)),
  );

  it('has help, and answers what it does not know as Redis does', () =>
    withClient(async (client) => {
      const help = (await client.call('CLIENT', 'HELP')) as string[];
      expect(help[0]).toBe('CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:');
      expect(help).toEqual(expect.arrayContaining(['GETNAME', 'REPLY <ON | OFF | SKIP>', 'SETNAME name']));
      expect((await client.reply('CLIENT', 'HELP')).items.every(({ type }) => type === '+')).toBe(true);
      expect(await client.error('CLIENT', 'MAINT_NOTIFICATIONS', 'ON')).toBe(
        "ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.",
      );
      expect(await client.error('CLIENT')).toBe("ERR wrong number of arguments for 'client' command");
      expect(await client.error('CLIENT', 'ID', 'x')).toBe(
        "ERR wrong number of arguments for 'client|id' command",
      );
    }));
});
