/** One property of a calendar object (RFC 5545 §3.1), its value untouched. */
export interface ContentLine {
  /** Upper case. */
  name: string;
  /** Names in upper case, values without quotes. */
  params: ReadonlyMap<string, string>;
  value: string;
}

/** RFC 5545 §3.1: no value has any but the tab; a writer's slip must not spoil its line. */
const CONTROLS = /[^\P{Cc}\t\r\n]/gu;
/** The same, to ask once of a whole text. */
// oxlint-disable-next-line no-control-regex -- these are what it looks for
const HAS_CONTROL = /[\0-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]/;

/**
 * Joins folded lines. Takes CRLF, LF or CR, folds by space or tab, and a leading byte order mark.
 * Bytes are the caller's to decode, as one text: a fold may split a UTF-8 sequence.
 */
export function unfold(text: string): string[] {
  const plain = HAS_CONTROL.test(text) ? text.replace(CONTROLS, '') : text;
  const joined = plain.replace(/^\uFEFF/, '').replace(/(?:\r\n|\n|\r)[ \t]/g, '');
  return joined.split(/\r\n|\n|\r/).filter((line) => line !== '' && line.trim() !== '');
}

const NAME = /^\s*([A-Za-z0-9-]+)(?=[;:])/;
/** Microsoft's names of zones have colons, and are not always quoted as RFC 5545 §3.1 asks. */
const PARAMETER =
  /;\s*([A-Za-z0-9-]+)\s*=((?:"[^"]*"|tzone:\/\/[^";:]+|\((?:UTC|GMT)[^)";]*\)|[^";:]+)*)/iy;

/** Null when the line has no name or no value. */
export function readContentLine(line: string): ContentLine | null {
  const colon = line.indexOf(':');
  const semicolon = line.indexOf(';');
  // Most lines have no parameters, and are read as quickly as they are written.
  if (colon > 0 && (semicolon < 0 || semicolon > colon)) {
    const plain = upperName(line.slice(0, colon));
    if (plain !== null)
      return { name: plain, params: NO_PARAMS, value: line.slice(colon + 1).trim() };
  }
  const name = NAME.exec(line);
  if (!name) return null;
  const params = new Map<string, string>();
  let at = name[0].length;
  while (line[at] === ';') {
    PARAMETER.lastIndex = at;
    const param = PARAMETER.exec(line);
    if (!param) return null;
    params.set(param[1]!.toUpperCase(), param[2]!.trim().replaceAll('"', ''));
    at += param[0].length;
  }
  if (line[at] !== ':') return null;
  return { name: name[1]!.toUpperCase(), params, value: line.slice(at + 1).trim() };
}

const NO_PARAMS: ReadonlyMap<string, string> = new Map();

/** Names are few: each is checked once. */
const names = new Map<string, string>();
const NAMES_KEPT = 1_000;

function upperName(text: string): string | null {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (!/^[A-Za-z0-9-]+$/.test(text)) return null;
  if (names.size >= NAMES_KEPT) names.clear();
  const upper = text.toUpperCase();
  names.set(text, upper);
  return upper;
}

const ESCAPED = /\\([\\;,nN])/g;

/** A TEXT value as it was meant (RFC 5545 §3.3.11). */
export const readText = (value: string): string =>
  value.replace(ESCAPED, (_, one: string) => (one === 'n' || one === 'N' ? '\n' : one));
