/** Audiences within audiences: many of them, deep ones, and the same ones again and again. */
import { describe, expect, test } from 'vitest';
import { type Engine, explanationLines, openEngine } from '../../src/index.js';
import { codeOf } from '../support/code-of.js';

/** Thirty users with some of the flags `a` to `j`, and a number. */
function filled(): Engine {
  const engine = openEngine({ audienceCacheBytes: 0 });
  for (const flag of 'abcdefghij') engine.declareTag(flag, { kind: 'flag' });
  engine.declareTag('n', { kind: 'number' });
  for (let i = 0; i < 30; i++) {
    const flags = [...'abcdefghij'].filter((_, bit) => (i * 37 + bit * 11) % 3 > 0);
    engine.setTags(`u${i}`, { n: i % 7, ...Object.fromEntries(flags.map((flag) => [flag, true as const])) });
  }
  return engine;
}

/** Saves audiences of which each uses the one before, as `shape` says of `@P`, until that is refused. Returns the last. */
function chain({ audiences }: Engine, shape: string, most: number): string {
  for (let i = 0; i < most; i++) {
    const name = `link ${i}`;
    const code = codeOf(() =>
      audiences.save(name, shape.replaceAll('@P', i === 0 ? 'a' : `@\`link ${i - 1}\``)),
    );
    if (code === undefined) continue;
    expect(code).toBe('INVALID_EXPRESSION');
    return `@\`link ${i - 1}\``;
  }
  return `@\`link ${most - 1}\``;
}

/** Asks everything about it; all must agree. */
function assertAnswers({ audiences }: Engine, name: string): void {
  const users = Array.from({ length: 30 }, (_, i) => `u${i}`);
  const isIn = audiences.test(name, users);
  const ids = users.filter((_, i) => isIn[i]);
  expect(audiences.count(name)).toBe(ids.length);
  expect(audiences.count(name, { limit: 30 })).toBe(ids.length);
  expect([...audiences.ids(name)]).toEqual(ids);
  expect(audiences.page(name, { count: 30 }).ids.map(String)).toEqual(ids);
  expect(audiences.overlap([name, 'all']).users[0]).toEqual([ids.length, ids.length]);
  expect(audiences.distribution('n', { of: name }).users).toBe(ids.length);
  const explanation = audiences.explain(name);
  expect(explanation.users).toBe(ids.length);
  expect(explanationLines(explanation).length).toBeLessThan(5000);
  for (const [i, user] of users.entries()) {
    const plain = name.slice(1).replaceAll('`', '');
    expect(audiences.match(user, [plain])).toEqual(isIn[i] ? [plain] : []);
    expect(audiences.match(user).includes(plain)).toBe(isIn[i]);
  }
}

const SHAPES = [
  'not @P',
  'not (@P and b)',
  '(@P and b) or c',
  'at least 2 of (@P, b, n > 2)',
  'at least 2 of (b, not (@P and c), n < 3 or d)',
  'a and not (b or c or d or e or (f and @P))',
];

describe.each(SHAPES)('audiences that use each other as in %s', (shape) => {
  test('nest as deep as they may, and are still answered', () => {
    const engine = filled();
    const name = chain(engine, shape, 1000);
    expect(engine.audiences.list().length).toBeGreaterThan(60);
    expect(engine.audiences.list().length).toBeLessThan(1000);
    assertAnswers(engine, name);
    expect(() => engine.audiences.count(`not not not not (${name} and b)`)).toThrow(
      'with the audiences that it uses, the expression nests over 400 levels deep',
    );
  });
});

// A plan that is walked once for every way that leads to a part would take longer than the universe will.
describe.each(['(@P and b) or (@P and c)', 'at least 2 of (@P, @P, b)', 'not (not @P and c) and (@P or d)'])(
  'audiences that use the one before twice, as in %s',
  (shape) => {
    test('are answered at once', { timeout: 10_000 }, () => {
      const engine = filled();
      assertAnswers(engine, chain(engine, shape, 60));
    });

    test('keep their results', () => {
      const engine = openEngine();
      for (const flag of 'abcd') engine.addUsers(flag, [`only ${flag}`, 'all']);
      const name = chain(engine, shape, 40);
      const before = engine.audiences.count(name);
      expect(engine.audiences.queries.cache.size).toBe(40);
      expect(engine.audiences.count(name)).toBe(before);
      engine.addUsers('a', ['new one']);
      expect(engine.audiences.count(name)).toBe(
        engine.audiences.test(name, [...engine.audiences.ids('all')]).filter(Boolean).length,
      );
    });
  },
);

test('an expression as deep as the language allows is answered, also within an audience', () => {
  const engine = filled();
  const deep = `${'not ('.repeat(99)}a and not b${')'.repeat(99)}`;
  const mixed = `${'a and (b or not ('.repeat(60)}c${'))'.repeat(60)}`;
  for (const [i, text] of [deep, mixed].entries()) {
    engine.audiences.save(`deep ${i}`, text);
    assertAnswers(engine, `@\`deep ${i}\``);
  }
});

test('what is saved can be asked for by its name', () => {
  const engine = filled();
  const name = chain(engine, 'not @P', 1000);
  const next = name.slice(2, -1).replace(/\d+/, (number) => String(Number(number) + 1));
  expect(codeOf(() => engine.audiences.count(name))).toBeUndefined();
  expect(engine.audiences.get(next)).toBeUndefined();
});

describe('an audience that others use', () => {
  /** Two chains of 150 audiences, each of which is `not` the one before. */
  function twoChains(): Engine {
    const engine = filled();
    for (const chain of ['inner', 'outer']) {
      for (let i = 0; i < 150; i++) {
        engine.audiences.save(`${chain} ${i}`, i === 0 ? 'a' : `not @\`${chain} ${i - 1}\``);
      }
    }
    return engine;
  }

  test('does not become so deep that these could not be asked for any more', () => {
    const engine = twoChains();
    expect(() => engine.audiences.save('outer 0', '@`inner 149` and b')).toThrow(
      'audience "outer 50" would nest over 400 levels deep with the audiences that it uses',
    );
    expect(engine.audiences.get('outer 0')!.expression).toBe('a');
    expect(() =>
      engine.audiences.save('new', 'not not @`outer 149` or not not not @`inner 149`'),
    ).not.toThrow();
    engine.audiences.save('outer 105', 'not (@`inner 149` and b)');
    assertAnswers(engine, '@`outer 149`');
    expect(engine.audiences.match('u1').length).toBeGreaterThan(100);
  });

  test('may not use these, however deep they are', () => {
    const { audiences } = twoChains();
    expect(codeOf(() => audiences.save('inner 0', '@`inner 149`'))).toBe('AUDIENCE_CONFLICT');
    expect(codeOf(() => audiences.save('inner 149', '@`inner 149`'))).toBe('AUDIENCE_CONFLICT');
    expect(codeOf(() => audiences.save('inner 0', '@`outer 0` and @`inner 7`'))).toBe('AUDIENCE_CONFLICT');
  });

  test('counts as no level if it is fixed', () => {
    const engine = twoChains();
    engine.audiences.freeze('fixed', '@`inner 149`');
    engine.audiences.save('outer 0', '@fixed');
    assertAnswers(engine, '@`outer 149`');
  });
});

test('a thousand audiences are matched, each user against all', () => {
  const engine = filled();
  const { audiences } = engine;
  const flags = [...'abcdefghij'];
  for (let i = 0; i < 1000; i++) {
    const [x, y, z] = [flags[i % 10]!, flags[(i >> 2) % 10]!, flags[(i >> 4) % 10]!];
    const shapes = [
      `${x} and not ${y}`,
      `not (${x} or ${y})`,
      `n = ${i % 9} or ${z}`,
      `at least 2 of (${x}, ${y}, n > ${i % 7})`,
    ];
    audiences.save(`audience ${i}`, shapes[i % 4]!);
  }
  const names = audiences.list().map(({ name }) => name);
  for (const user of ['u0', 'u7', 'u23']) {
    const expected = names.filter((name) => audiences.test(`@\`${name}\``, [user])[0]);
    expect(audiences.match(user)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(100);
    expect(audiences.match(user, names)).toEqual(expected);
  }
});

test('matching notices new values, new tags and new audiences', () => {
  const engine = openEngine();
  engine.declareTag('city', { kind: 'enum' });
  engine.setTags('u', { vip: true });
  const { audiences } = engine;
  audiences.save('romans', 'city = Rome');
  audiences.save('others', 'not city = Rome');
  expect(audiences.match('u')).toEqual(['others']);
  engine.setTags('u', { city: 'Rome' });
  expect(audiences.match('u')).toEqual(['romans']);
  // The value's code is another one after it was nobody's for a while.
  engine.setTags('u', { city: 'Oslo' });
  engine.setTags('v', { city: 'Paris' });
  engine.setTags('u', { city: 'Rome' });
  expect(audiences.match('u')).toEqual(['romans']);
  expect(audiences.match('v')).toEqual(['others']);
  audiences.save('all', 'all');
  audiences.freeze('one', 'users(v)');
  expect(audiences.match('v')).toEqual(['all', 'one', 'others']);
  // A tag of the same number as one that is gone.
  engine.setTags('u', { short: true });
  expect(audiences.test('short', ['u'])).toEqual([true]);
  engine.dropTag('short');
  engine.setTags('v', { lived: true });
  audiences.save('lived', 'lived');
  expect(audiences.match('u')).toEqual(['all', 'romans']);
  expect(audiences.match('v')).toEqual(['all', 'lived', 'one', 'others']);
  audiences.drop('all');
  audiences.rename('one', 'a');
  expect(audiences.match('v')).toEqual(['a', 'lived', 'others']);
  engine.clear();
  expect(audiences.match('v')).toEqual([]);
});
