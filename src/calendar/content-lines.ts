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

/**
 * Joins folded lines. Takes CRLF, LF or CR, folds by space or tab, and a leading byte order mark.
 * Bytes are the caller's to decode, as one text: a fold may split a UTF-8 sequence.
 */
export function unfold(text: string): string[] {
  const joined = text
    .replace(/^\uFEFF/, '')
    .replace(CONTROLS, '')
    .replace(/(?:\r\n|\n|\r)[ \t]/g, '');
  return joined.split(/\r\n|\n|\r/).filter((line) => line.trim() !== '');
}

const NAME = /^\s*([A-Za-z0-9-]+)(?=[;:])/;
const PARAMETER = /;\s*([A-Za-z0-9-]+)\s*=((?:"[^"]*"|[^";:]+)*)/y;

/** Null when the line has no name or no value. */
export function readContentLine(line: string): ContentLine | null {
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

const ESCAPED = /\\([\\;,nN])/g;

/** A TEXT value as it was meant (RFC 5545 §3.3.11). */
export const readText = (value: string): string =>
  value.replace(ESCAPED, (_, one: string) => (one === 'n' || one === 'N' ? '\n' : one));
