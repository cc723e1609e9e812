import { describe, expect, test } from 'vitest';
import { decodeBytes, decodeText } from '../../protocol/http/percent.js';
import { QueryParameters } from '../../protocol/http/query-parameters.js';
import { Router } from '../../protocol/http/router.js';
import { codeOf } from '../support/code-of.js';

/** A router whose routes are `GET /a {names}`. */
function routerOf(...routes: string[]): Router<string> {
  const router = new Router<string>();
  for (const route of routes) {
    const [method, path] = route.split(' ');
    router.add(method!, path!, (names) => `${route} ${names.join(',')}`.trim());
  }
  return router;
}

/** The route of a request and what its path has captured. */
function find(router: Router<string>, method: string, path: string): unknown {
  const captures: string[] = [];
  const found = router.find(method, path, captures);
  if (found?.routes.has(method) !== true) expect(captures).toEqual([]);
  return found === undefined ? undefined : [found.routes.get(method), ...captures];
}

describe('the router', () => {
  const router = routerOf(
    'GET /',
    'GET /v1/users/{id}/tags',
    'PUT /v1/users/{id}/tags',
    'GET /v1/users/{id}',
    'GET /v1/users/count',
    'DELETE /v1/users/{id}/tags/{tag}',
    'POST /v1/users/count/{kind}/x',
    'GET /v1/health',
    'POST /v1/users/lookup',
    'DELETE /v1/users/{id}',
  );

  test.each([
    ['GET', '/', ['GET /']],
    ['GET', '/v1/users/u1/tags', ['GET /v1/users/{id}/tags id', 'u1']],
    ['PUT', '/v1/users/u1/tags', ['PUT /v1/users/{id}/tags id', 'u1']],
    ['HEAD', '/v1/users/u1/tags', ['GET /v1/users/{id}/tags id', 'u1']],
    ['DELETE', '/v1/users/a%2Fb/tags/t=%20', ['DELETE /v1/users/{id}/tags/{tag} id,tag', 'a%2Fb', 't=%20']],
    ['GET', '/v1/users/count', ['GET /v1/users/count']],
    ['GET', '/v1/users/counts', ['GET /v1/users/{id} id', 'counts']],
    ['GET', '/v1/users/coun', ['GET /v1/users/{id} id', 'coun']],
    ['GET', '/v1/users/{id}', ['GET /v1/users/{id} id', '{id}']],
    ['GET', '/v1/users/..', ['GET /v1/users/{id} id', '..']],
    // A word that leads nowhere gives way to a parameter.
    ['GET', '/v1/users/count/tags', ['GET /v1/users/{id}/tags id', 'count']],
    ['POST', '/v1/users/count/k/x', ['POST /v1/users/count/{kind}/x kind', 'k']],
    ['POST', '/v1/health', [undefined]],
    // So does one that does not have the method: anybody may be called so.
    ['POST', '/v1/users/lookup', ['POST /v1/users/lookup']],
    ['DELETE', '/v1/users/lookup', ['DELETE /v1/users/{id} id', 'lookup']],
    ['HEAD', '/v1/users/lookup', ['GET /v1/users/{id} id', 'lookup']],
    ['PATCH', '/v1/users/lookup', [undefined]],
    ['PUT', '/v1/users/u1', [undefined]],
  ])('finds %s %s', (method, path, found) => {
    expect(find(router, method, path)).toEqual(found);
  });

  test.each([
    '',
    '*',
    'v1/health',
    '//',
    '/v1',
    '/v1/',
    '/v1/health/',
    '//v1/health',
    '/V1/health',
    '/v1/healt%68',
    '/v1/users',
    '/v1/users/',
    '/v1/users//tags',
    '/v1/users/u1/tags/',
    '/v1/users/count/k',
    '/v1/users/u1/tags/t/x',
    'http://host/v1/health',
  ])('finds nothing at %j', (path) => {
    expect(find(router, 'GET', path)).toBeUndefined();
  });

  test('tells the methods that a path has', () => {
    expect(router.find('POST', '/v1/users/u/tags', [])!.allow).toBe('GET, HEAD, OPTIONS, PUT');
    expect(router.find('POST', '/v1/users/u/tags/t', [])!.allow).toBe('DELETE, OPTIONS');
    expect(router.find('PUT', '/v1/users/lookup', [])!.allow).toBe('DELETE, GET, HEAD, OPTIONS, POST');
  });

  test('refuses routes that it could not tell apart, and paths that are none', () => {
    expect(() => routerOf('GET /a/{b}', 'GET /a/{c}')).toThrow('there are two routes GET /a/{c}');
    expect(() => routerOf('GET /a', 'GET /a')).toThrow('two routes');
    for (const path of [
      'a',
      '',
      '/a/',
      '//',
      '/a b',
      '/a/{b',
      '/{}',
      '/{b}c',
      '/{B}',
      '/ü',
      '/%41',
      '/a?b',
    ]) {
      expect(() => new Router().add('GET', path, () => 1)).toThrow('is no path of a route');
    }
  });
});

describe('percent-encoding', () => {
  test('stands for bytes of any kind', () => {
    for (let byte = 0; byte < 256; byte++) {
      const hex = byte.toString(16).padStart(2, '0');
      for (const code of [hex, hex.toUpperCase()])
        expect([...decodeBytes(`a%${code}`, 'x')]).toEqual([0x61, byte]);
    }
    expect(decodeText('%e2%82%ac+a%2B', 'x')).toBe('€+a+');
    expect(decodeText('%e2%82%ac+a%2B', 'x', true)).toBe('€ a+');
    expect(decodeText('', 'x')).toBe('');
  });

  test.each(['%', 'a%', '%1', '%g0', '%0g', '%%20', '% 1', '%+1', '%-1', '%0x', 'ü', ' ', '\x7f', '\0'])(
    '%j is wrong',
    (text) => {
      expect(codeOf(() => decodeBytes(text, 'it'))).toBe('SYNTAX');
      expect(() => decodeText(text, 'it')).toThrow(/^it has a /);
    },
  );

  test.each(['%ff', '%c3', '%c3%28', '%ed%a0%80', '%f5%80%80%80', '%c0%80'])('%s is no text', (text) => {
    expect(() => decodeText(text, 'it')).toThrow('it is not UTF-8');
  });
});

describe('parameters of a query', () => {
  const known = ['a', 'b', 'c d'];
  const parse = (query: string): QueryParameters => new QueryParameters(query, known);

  test('are told as text, lists, numbers and flags', () => {
    const query = parse('a=x%20y+z&b=1,2%2C3&b=&b=4&c+d');
    expect([query.text('a'), query.has('a')]).toEqual(['x y z', true]);
    expect(query.list('b')).toEqual(['1', '2,3', '4']);
    expect(query.byteList('b')).toEqual(['1', '2,3', '4'].map((text) => Buffer.from(text)));
    expect(parse('b=%ff,a').byteList('b')).toEqual([Buffer.from([0xff]), Buffer.from('a')]);
    expect([
      query.flag('c d'),
      parse('').flag('a'),
      parse('a=no').flag('a'),
      parse('a=yes').flag('a'),
    ]).toEqual([true, false, false, true]);
    expect([parse('a=-7').integer('a', -7, 7), parse('').integer('a', 0, 1)]).toEqual([-7, undefined]);
    expect([parse('').text('a'), parse('a').text('a'), parse('a=b=c').text('a')]).toEqual([
      undefined,
      '',
      'b=c',
    ]);
    expect(parse('&&a=1&').text('a')).toBe('1');
    expect(parse('b=,,').list('b')).toEqual(['', '', '']);
  });

  test('must be known', () => {
    for (const query of ['x=1', '=1', 'A=1', 'a=1&__proto__=2', 'constructor', '%61b']) {
      expect(codeOf(() => parse(query))).toBe('INVALID_ARGUMENT');
    }
    expect(() => parse('%22=1')).toThrow('there is no parameter "\\"" here; known are: a, b, c d');
    expect(() => new QueryParameters('x', [])).toThrow('there is no parameter "x" here; known are: none');
  });

  test('must be what they are asked as', () => {
    for (const query of ['a=%', 'a=1&b=%zz', '%=1', 'a=ü', 'a=%ff&%']) {
      expect(codeOf(() => parse(query))).toBe('SYNTAX');
    }
    expect(codeOf(() => parse('a=%ff').text('a'))).toBe('SYNTAX');
    expect(() => parse('a=1&a=1').text('a')).toThrow('the parameter "a" was given 2 times: give it once');
    for (const value of ['', '1.5', '1e1', '0x1', '-1', '11', 'x', '+1', '9'.repeat(20)]) {
      expect(() => parse(`a=${value}`).integer('a', 0, 10)).toThrow(
        '"a" must be a whole number from 0 to 10',
      );
    }
    expect(() => parse('a=2').flag('a')).toThrow('"a" must be yes or no');
  });
});
