/** The README as a person pastes it: its commands, and the answers it promises. */
export interface ReadmeBlock {
  command: string;
  /** What the README says it answers; null where it shows none. */
  answer: string | null;
}

const BLOCK = /^```bash\n(.*?)^```\n(?:```js\n(.*?)^```\n)?/gms;
const END_OF_BLOCK = '--- end of block ---';

export function readmeBlocks(readme: string): ReadmeBlock[] {
  return [...readme.matchAll(BLOCK)].map(([, command = '', answer]) => ({
    command,
    answer: answer ?? null,
  }));
}

/** All blocks in one shell, so that what one sets the next can use. */
export const asScript = (blocks: readonly ReadmeBlock[]): string =>
  blocks.map(({ command }) => `${command}\necho '${END_OF_BLOCK}'\n`).join('');

/** What each block printed. */
export const answersOf = (output: string): string[] => output.split(END_OF_BLOCK).slice(0, -1);

/**
 * What changes from run to run in an answer: `…` stands for anything, numbers after `…Ms:` are
 * latencies, instants that are no full minute are clocks. Days and ids are stand-ins: one that is
 * the same in two places of the README is the same in both places of what is printed.
 */
const CHANGING =
  /…|(?<=Ms:)\d+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|\d{4}-\d\d-\d\d|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const DAY = String.raw`\d{4}-\d\d-\d\d`;
const CLOCK = String.raw`${DAY}T\d\d:\d\d:\d\d\.\d{3}Z`;
const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** How a printed answer differs from the promised one; null when it does not. `standIns` is filled. */
export function difference(
  promised: string,
  printed: string,
  standIns: Map<string, string>,
): string | null {
  const names: string[] = [];
  const standIn = (name: string, pattern: string) => {
    names.push(name);
    return `(${pattern})`;
  };
  const texts = withoutSpace(promised).split(CHANGING);
  const changing = withoutSpace(promised).match(CHANGING) ?? [];
  const patterns = changing.map((text) => {
    if (text === '…') return '.*?';
    if (/^\d+$/.test(text)) return String.raw`\d+`;
    if (!/^\d{4}-\d\d-\d\d(T|$)/.test(text)) return standIn(text, ID);
    if (!text.includes('T')) return standIn(text, DAY);
    const [day = '', time = ''] = text.split('T');
    return time.endsWith(':00.000Z') ? `${standIn(day, DAY)}T${escaped(time)}` : CLOCK;
  });
  const whole = texts.map((text, index) => escaped(text) + (patterns[index] ?? '')).join('');
  const found = new RegExp(`^${whole}$`).exec(withoutSpace(printed));
  if (!found) return `promised:\n${promised}\nprinted:\n${printed}`;
  for (const [index, name] of names.entries()) {
    const text = found[index + 1]!;
    if ((standIns.get(name) ?? text) !== text)
      return `${name} was ${standIns.get(name)} before and is ${text} in:\n${printed}`;
    standIns.set(name, text);
  }
  return null;
}

/** How long a line may be decides where it breaks, and that is nobody's promise. */
const withoutSpace = (text: string): string => text.replace(/\s+/g, '');
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
