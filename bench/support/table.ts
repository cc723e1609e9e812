/**
 * Prints rows under a header: texts to the left, numbers to the right.
 *
 * @param header names of the columns, with the unit where there is one
 * @param rows numbers are shown with three digits, or whole from 100 on
 */
export function printTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? digits(cell) : cell)));
  const widths = header.map((name, i) => Math.max(name.length, ...texts.map((row) => row[i]!.length)));
  const isNumber = header.map((_, i) => rows.some((row) => typeof row[i] === 'number'));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ');
  console.log(line(header).trimEnd());
  console.log(widths.map((width) => '─'.repeat(width)).join('──'));
  for (const row of texts) console.log(line(row).trimEnd());
}

function digits(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  return value.toFixed(magnitude >= 10 ? 1 : 2);
}
