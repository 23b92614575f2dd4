import type { ContentLine } from './content-lines.ts';
import { readContentLine, unfold } from './content-lines.ts';

export interface Component {
  /** Upper case, e.g. `VEVENT`. */
  name: string;
  lines: ContentLine[];
  children: Component[];
  /** False when its END never came. */
  isClosed: boolean;
}

export interface ComponentTree {
  /** The VCALENDAR objects of the stream. */
  calendars: Component[];
  /** Every VCALENDAR ended, and nothing but calendars was there: the text came whole. */
  complete: boolean;
  /** There is more than the limits allow; what was read is not all. */
  isTooLarge: boolean;
}

/** Ten times what a large calendar has. */
const MOST_LINES = 2_000_000;
const MOST_COMPONENTS = 200_000;

/** Components that stand beside one another, so that a new one closes one left open. */
const SIBLINGS = new Set(['VEVENT', 'VTODO', 'VJOURNAL', 'VFREEBUSY', 'VTIMEZONE', 'VCALENDAR']);

/** Reads nesting and lines, and nothing into them; lines that are no property are passed over. */
export function readComponents(text: string): ComponentTree {
  const calendars: Component[] = [];
  const open: Component[] = [];
  let isClean = true;
  let lines = 0;
  let components = 0;
  for (const raw of unfold(text)) {
    lines += 1;
    if (lines > MOST_LINES || components > MOST_COMPONENTS)
      return { calendars, complete: false, isTooLarge: true };
    const line = readContentLine(raw);
    const name = line?.value.toUpperCase() ?? '';
    if (line?.name === 'BEGIN') {
      if (name === 'VCALENDAR' && open.length > 0) isClean = false;
      components += 1;
      closeSiblings(open, name);
      begin(open, calendars, name);
    } else if (line?.name === 'END') {
      end(open, name);
    } else if (open.length === 0) {
      isClean = false;
    } else if (line) {
      open.at(-1)!.lines.push(line);
    }
  }
  const complete = isClean && open.length === 0 && calendars.length > 0;
  const isClosed = calendars.every((one) => one.isClosed);
  return { calendars, complete: complete && isClosed, isTooLarge: false };
}

/** Calendars nest three deep; what goes further is nonsense, and read as part of its parent. */
const DEEPEST = 8;

function begin(open: Component[], calendars: Component[], name: string): void {
  if (open.length >= DEEPEST) return;
  const component: Component = { name, lines: [], children: [], isClosed: false };
  const parent = open.at(-1);
  if (parent) parent.children.push(component);
  else if (name === 'VCALENDAR') calendars.push(component);
  open.push(component);
}

function end(open: Component[], name: string): void {
  const at = open.findLastIndex((one) => one.name === name);
  if (at < 0) return;
  open[at]!.isClosed = true;
  open.length = at;
}

function closeSiblings(open: Component[], name: string): void {
  if (!SIBLINGS.has(name)) return;
  const keep = name === 'VCALENDAR' ? 0 : 1;
  if (open.length > keep) open.length = keep;
}
