import { createHash } from 'node:crypto';

/** What a `$skiptoken` or `$deltatoken` stands for. Clients must not look inside; nothing is stored for one. */
export interface RoundState {
  kind: 'skip' | 'delta';
  calendarId: string;
  epoch: number;
  startMs: number;
  endMs: number;
  /** Ids are of one kind for the life of a token, whatever later calls prefer. */
  immutableIds: boolean;
  /** A round tells what changed after this and up to `until`; -1 tells everything. */
  since: number;
  until: number;
  /** Where the page begins: which entry or change, and how many of its items were told. */
  index: number;
  offset: number;
  page: number;
}

export function sealState(state: RoundState): string {
  const text = Buffer.from(JSON.stringify(Object.values(ordered(state)))).toString('base64url');
  return `${text}.${check(text)}`;
}

/** The state of a token, or undefined when it is not one that was sealed here. */
export function openState(token: string, kind: RoundState['kind']): RoundState | undefined {
  const [text = '', sum] = token.split('.');
  if (sum !== check(text)) return undefined;
  const values = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[];
  const state = Object.fromEntries(names.map((name, at) => [name, values[at]]));
  return state['kind'] === kind ? (state as unknown as RoundState) : undefined;
}

const names = [
  'kind',
  'calendarId',
  'epoch',
  'startMs',
  'endMs',
  'immutableIds',
  'since',
  'until',
  'index',
  'offset',
  'page',
] as const satisfies (keyof RoundState)[];

function ordered(state: RoundState): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, state[name]]));
}

function check(text: string): string {
  return createHash('sha256').update(`state ${text}`).digest('base64url').slice(0, 22);
}
