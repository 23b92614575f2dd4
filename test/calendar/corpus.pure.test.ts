import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { occurrenceLines } from '../../scripts/occurrence-lines.ts';
import { decodeFeed } from '../../src/channels/ical/decode.ts';

const FOLDER = new URL('corpus/', import.meta.url);
const WINDOW = { fromAt: Date.parse('2026-11-01'), untilAt: Date.parse('2027-06-01') };
const NAMES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.ics'))
  .map((name) => name.slice(0, -4));

const bytesOf = (name: string) => readFileSync(new URL(`${name}.ics`, FOLDER));
const read = (bytes: Buffer) => {
  const text = decodeFeed(bytes, undefined);
  return occurrenceLines(text, { zone: null, windowIn: () => WINDOW });
};

/** Each file has its occurrences beside it, as the command prints them, then what is withheld. */
describe('a feed as its platform writes it', () => {
  test.each(NAMES)('%s gives the occurrences beside it', (name) => {
    const wanted = readFileSync(new URL(`${name}.txt`, FOLDER), 'utf8')
      .trimEnd()
      .split('\n');
    const { lines, withheld, complete } = read(bytesOf(name));
    expect([...lines, ...withheld.map((one) => `# Withheld: ${one}`)]).toEqual(wanted);
    expect(complete).toBe(true);
  });
});

/** The top components of a calendar, each with its lines, between its head and its end. */
function partsOf(text: string) {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => /^BEGIN:V(EVENT|TIMEZONE)/.test(line));
  const parts: string[][] = [];
  for (const line of lines.slice(first, -1)) {
    if (/^BEGIN:V(EVENT|TIMEZONE)/.test(line)) parts.push([line]);
    else parts.at(-1)!.push(line);
  }
  return { head: lines.slice(0, first), parts, end: lines.slice(-1) };
}

/** Unfolded, with LF, its components apart; `broken` lives from its order. */
const SOUND = NAMES.filter((name) => name !== 'broken').map((name) => {
  const text = decodeFeed(bytesOf(name), undefined).replaceAll('\r\n', '\n').trimEnd();
  return { name, ...partsOf(text), wanted: read(bytesOf(name)) };
});

describe('how a feed is written changes nothing', () => {
  test('neither the order of its components', () => {
    const order = fc
      .constantFrom(...SOUND)
      .chain((feed) =>
        fc
          .shuffledSubarray(feed.parts, { minLength: feed.parts.length })
          .map((parts) => ({ ...feed, parts })),
      );
    fc.assert(
      fc.property(order, ({ head, parts, end, wanted }) => {
        const text = [...head, ...parts.flat(), ...end].join('\n');
        expect(read(Buffer.from(text)).lines).toEqual(wanted.lines);
      }),
      { numRuns: 60 },
    );
  });

  test('nor where its lines are folded, even within a character, nor by what, nor its line ends', () => {
    const given = fc.tuple(
      fc.constantFrom(...SOUND),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(' ', '\t'),
      fc.constantFrom('\r\n', '\n'),
    );
    fc.assert(
      fc.property(given, ([{ head, parts, end, wanted }, widths, blank, eol]) => {
        const lines = [...head, ...parts.flat(), ...end];
        const folded = lines.map((line) => foldedAt(Buffer.from(line), widths, `${eol}${blank}`));
        const bytes = Buffer.concat(folded.flatMap((line) => [line, Buffer.from(eol)]));
        expect(read(bytes)).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  });

  test('nor a byte order mark', () => {
    for (const { name, wanted } of SOUND)
      expect(read(Buffer.concat([Buffer.from('\uFEFF'), bytesOf(name)])).lines).toEqual(
        wanted.lines,
      );
  });
});

function foldedAt(line: Buffer, widths: readonly number[], fold: string): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, turn = 0; at < line.length; turn += 1) {
    const width = widths[turn % widths.length]!;
    parts.push(line.subarray(at, at + width), Buffer.from(fold));
    at += width;
  }
  return Buffer.concat(parts.slice(0, -1));
}
