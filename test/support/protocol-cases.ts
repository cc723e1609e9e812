/** Inputs of the Redis protocol, in Latin-1, with what Redis 7 makes of them. */

/** Input, and the commands in it. */
export const VALID: [input: string, ...commands: string[][]][] = [
  ['*1\r\n$4\r\nPING\r\n', ['PING']],
  ['*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', ['ECHO', '']],
  ['*2\r\n$4\r\nECHO\r\n$5\r\na\r\nb\0\r\n', ['ECHO', 'a\r\nb\0']],
  ['*2\r\n$4\r\nECHO\r\n$12\r\nhello\xff\xfeworld\r\n', ['ECHO', 'hello\xff\xfeworld']],
  [`*2\r\n$4\r\nECHO\r\n$120\r\n${'x'.repeat(120)}\r\n`, ['ECHO', 'x'.repeat(120)]],
  [`*12\r\n${'$1\r\na\r\n'.repeat(12)}`, Array(12).fill('a')],
  [`*130\r\n${'$1\r\na\r\n'.repeat(130)}`, Array(130).fill('a')],
  ['*0\r\n*1\r\n$4\r\nPING\r\n', ['PING']],
  ['*-1\r\n*-9223372036854775808\r\n*1\r\n$4\r\nPING\r\n', ['PING']],
  // The byte behind "\r" is never looked at, nor are the two behind an argument.
  ['*1\rX$4\rYPINGZZ*1\r\n$4\r\nping\r\n', ['PING'], ['ping']],
  ['*2\r\n$4\r\nECHO\r\n$3\r\nabcdPING\r\n', ['ECHO', 'abc'], ['ING']],
  ['PING\r\n', ['PING']],
  ['PING\n', ['PING']],
  ['\r\n\n  \t \r\nPING\n', ['PING']],
  ['  ECHO  a\t\r\nECHO b\vc\r\nECHO \r \fd\r\n', ['ECHO', 'a'], ['ECHO', 'b\vc'], ['ECHO', 'd']],
  ['+OK\r\n$3\r\n', ['+OK'], ['$3']],
  ['ECHO "b c"\r\nECHO \'d e\'\r\n', ['ECHO', 'b c'], ['ECHO', 'd e']],
  ['ECHO ""\r\nECHO \'\'\r\nA "" \'\' b\r\n', ['ECHO', ''], ['ECHO', ''], ['A', '', '', 'b']],
  ['ECHO b"c d"\r\nECHO e\'f g\'\r\n', ['ECHO', 'bc d'], ['ECHO', 'ef g']],
  ['ECHO "\\x00\\xfF\\xg1\\n\\r\\t\\b\\a\\"\\\\\\q"\r\n', ['ECHO', '\0\xffxg1\n\r\t\b\x07"\\q']],
  ['ECHO "\\x1"\r\n', ['ECHO', 'x1']],
  ["ECHO 'it\\'s \\n \\\\ '\r\n", ['ECHO', "it's \\n \\\\ "]],
  ['ECHO "b"\v\r\nA "b"\f\'c\'\n*1\r\n$4\r\nPING\r\n', ['ECHO', 'b'], ['A', 'b', 'c'], ['PING']],
  ['"PING"\n\'PING\'\nPING\n', ['PING'], ['PING'], ['PING']],
];

/** Input that ends with an error, and its text. */
export const INVALID: [input: string, detail: string][] = [
  ['*a\r\n', 'invalid multibulk length'],
  ['*\r\n', 'invalid multibulk length'],
  ['*-\r\n', 'invalid multibulk length'],
  ['*-0\r\n', 'invalid multibulk length'],
  ['*+1\r\n', 'invalid multibulk length'],
  ['*01\r\n', 'invalid multibulk length'],
  ['*1 \r\n', 'invalid multibulk length'],
  ['*1\n$4\nPING\n\r\n', 'invalid multibulk length'],
  ['*4294967296\r\n', 'invalid multibulk length'],
  ['*9223372036854775808\r\n', 'invalid multibulk length'],
  ['*-9223372036854775809\r\n', 'invalid multibulk length'],
  ['*-10000000000000000000\r\n', 'invalid multibulk length'],
  [`*${'9'.repeat(300)}\r\n`, 'invalid multibulk length'],
  ['*1\r\n$a\r\n', 'invalid bulk length'],
  ['*1\r\n$\r\n', 'invalid bulk length'],
  ['*1\r\n$-1\r\n', 'invalid bulk length'],
  ['*1\r\n$-0\r\n', 'invalid bulk length'],
  ['*1\r\n$00\r\n', 'invalid bulk length'],
  ['*1\r\n$04\r\nPING\r\n', 'invalid bulk length'],
  ['*1\r\n$536870913\r\n', 'invalid bulk length'],
  ['*1\r\n$9223372036854775808\r\n', 'invalid bulk length'],
  ['*1\r\n$4\nPING\r\n', 'invalid bulk length'],
  ['*1\r\nx4\r\nPING\r\n', "expected '$', got 'x'"],
  ['*1\r\n*1\r\n$4\r\nPING\r\n', "expected '$', got '*'"],
  ['*1\r\n\r\n\r\n', "expected '$', got '\r'"],
  ['*2\r\n$4\r\nPING\r\n\n\r\n', "expected '$', got '\n'"],
  ['ECHO "b\r\n', 'unbalanced quotes in request'],
  ['ECHO "b\\\r\n', 'unbalanced quotes in request'],
  ['ECHO "b\\"\r\n', 'unbalanced quotes in request'],
  ["ECHO 'b\\'\r\n", 'unbalanced quotes in request'],
  ['ECHO "b"c\r\n', 'unbalanced quotes in request'],
  ["ECHO 'b''c'\r\n", 'unbalanced quotes in request'],
];

/** Input that waits for more, all of it. */
export const UNFINISHED: string[] = [
  '*',
  '*1\r',
  '*1\n$4\nPING\n',
  '*1\r\n$4\r\nPING\r',
  '*1\r\n$4',
  '*1\r\nx4',
  '*1\r\nx4\r',
  '*1048576\r\n$3\r\nabc\r\n',
  '*2\r\n$4\r\nECHO\r\n$536870912\r\n',
  'PING',
  'PING\r',
  'ECHO "a',
  // A zero byte hides the rest of its line, so the end of the line is never found.
  'PI\0NG\r\nPING\r\n',
  '*1\0\r\n$4\r\nPING\r\n',
  '*1\r\n$4\0\r\nPING\r\n',
];

/** The inputs of all cases. */
export const INPUTS = [...VALID.map(([input]) => input), ...INVALID.map(([input]) => input), ...UNFINISHED];
