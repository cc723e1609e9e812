import { INPUTS } from './protocol-cases.js';

const ALPHABET = [...'**$$0123456789-+\r\n\r\n\0 "\'\\xaP'].map((character) => character.charCodeAt(0));
const CASES = INPUTS.filter((input) => input.length < 200).map((input) => Buffer.from(input, 'latin1'));

/** Random numbers from a seed (xorshift32): each call gives an integer below `bound`. */
export function randomNumbers(seed: number): (bound: number) => number {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** Random bytes: any, or those that mean something to the protocol, or damaged protocol. */
export function randomInput(random: (bound: number) => number): Buffer {
  switch (random(4)) {
    case 0:
      return Buffer.from(Array.from({ length: random(40) }, () => random(256)));
    case 1:
      return Buffer.from(Array.from({ length: random(40) }, () => ALPHABET[random(ALPHABET.length)]!));
    default:
      return damagedProtocol(random);
  }
}

/** Two protocol cases in a row, with up to four bytes replaced, inserted, doubled or left out. */
export function damagedProtocol(random: (bound: number) => number): Buffer {
  let input = Buffer.concat([CASES[random(CASES.length)]!, CASES[random(CASES.length)]!]);
  for (let changes = random(5); changes > 0; changes--) {
    const at = random(input.length);
    const kept = random(3);
    const added = Array.from({ length: random(3) }, () => ALPHABET[random(ALPHABET.length)]!);
    input = Buffer.concat([
      input.subarray(0, at + (kept >> 1)),
      Buffer.from(added),
      input.subarray(at + kept),
    ]);
  }
  return input;
}

/** The input in pieces of random sizes. */
export function randomPieces(random: (bound: number) => number, input: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < input.length; ) {
    const end = Math.min(input.length, at + 1 + random(12));
    pieces.push(input.subarray(at, end));
    at = end;
  }
  return pieces;
}
