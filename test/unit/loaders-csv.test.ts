import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CsvRecord, CsvScanner } from '../../loaders/csv.js';

/** Scans a text or bytes in pieces of a given size. */
function scan(
  input: string | Buffer,
  pieceBytes = Number.POSITIVE_INFINITY,
  maxRecordBytes?: number,
): CsvRecord[] {
  const bytes = Buffer.from(input);
  const scanner = new CsvScanner(maxRecordBytes);
  const records: CsvRecord[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    records.push(...scanner.push(bytes.subarray(at, at + pieceBytes)));
  }
  records.push(...scanner.end());
  return records;
}

describe('records', () => {
  test.each([
    ['LF', 'a,b\nc,d\n', [1, 2]],
    ['CRLF', 'a,b\r\nc,d\r\n', [1, 2]],
    ['both', 'a,b\r\nc,d\n', [1, 2]],
    ['no last line end', 'a,b\nc,d', [1, 2]],
    ['blank lines', '\na,b\n\n  \r\nc,d\n\n', [2, 5]],
    ['blanks around fields', ' a ,\tb\nc, d ', [1, 2]],
    ['quotes', '"a","b"\n"c" , "d"\r\n', [1, 2]],
  ])('with %s', (_, text, lines) => {
    expect(scan(text)).toEqual([
      { line: lines[0], fields: ['a', 'b'] },
      { line: lines[1], fields: ['c', 'd'] },
    ]);
  });

  test('of an empty file are none', () => {
    expect(scan('')).toEqual([]);
  });

  test('keep commas, quotes, blanks and line ends inside quotes, and count those lines', () => {
    expect(scan('"a,b","say ""hi"""\n" x ","1\r\n2\n3"\n,""\n')).toEqual([
      { line: 1, fields: ['a,b', 'say "hi"'] },
      { line: 2, fields: [' x ', '1\r\n2\n3'] },
      { line: 5, fields: ['', ''] },
    ]);
  });

  test('are UTF-8', () => {
    expect(scan('é,"ü\n",日本\n')).toEqual([{ line: 1, fields: ['é', 'ü\n', '日本'] }]);
  });
});

describe('a malformed record costs its own line', () => {
  test.each([
    ['a quote in an unquoted field', 'a"b,c', 'a quote stands inside the unquoted field 1'],
    ['text behind a closing quote', 'a,"b"c', 'text follows the closing quote of field 2'],
    ['a quote that is never closed', 'a,"b', 'a quote is opened and never closed'],
    ['bytes that are not UTF-8', Buffer.from([0x61, 0x2c, 0xff]), 'field 2 is not valid UTF-8'],
    ['bad UTF-8 in quotes', Buffer.from([0x22, 0xc3, 0x22, 0x2c, 0x61]), 'field 1 is not valid UTF-8'],
  ])('%s', (_, line, refused) => {
    const file = Buffer.concat([Buffer.from('x,y\n'), Buffer.from(line), Buffer.from('\nz,z\n')]);
    expect(scan(file)).toEqual([
      { line: 1, fields: ['x', 'y'] },
      { line: 2, refused },
      { line: 3, fields: ['z', 'z'] },
    ]);
  });

  test.each([1, 7, 1000])('a record that is too long, in pieces of %i', (pieceBytes) => {
    const refused = 'the record is longer than 20 bytes; is a quote not closed?';
    const text = `a\n${'x'.repeat(50)}\nb\n"${'y\n'.repeat(3)}${'z'.repeat(20)}`;
    expect(scan(text, pieceBytes, 20)).toEqual([
      { line: 1, fields: ['a'] },
      { line: 2, refused },
      { line: 3, fields: ['b'] },
      { line: 4, refused },
      { line: 5, fields: ['y'] },
      { line: 6, fields: ['y'] },
      { line: 7, fields: ['z'.repeat(20)] },
    ]);
  });
});

describe('properties', () => {
  const field = fc.string({
    unit: fc.constantFrom('a', 'é', ',', '"', '\n', '\r', ' ', '\t', '日'),
    maxLength: 6,
  });
  const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 8 });

  test('what is written with quotes is read back', () => {
    fc.assert(
      fc.property(
        table,
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 9 }),
        (rows, lineEnd, piece) => {
          const text = rows
            .map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(',') + lineEnd)
            .join('');
          const records = scan(text, piece);
          expect(records.map((record) => ('fields' in record ? record.fields : record))).toEqual(rows);
        },
      ),
    );
  });

  test('any bytes give the same records however they are cut', () => {
    const bytes = fc.array(fc.constantFrom(0x61, 0x2c, 0x22, 0x0a, 0x0d, 0x20, 0xc3, 0xa9), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 5 }), (input, piece) => {
        const file = Buffer.from(input);
        expect(scan(file, piece)).toEqual(scan(file));
      }),
      { numRuns: 2000 },
    );
  });
});
