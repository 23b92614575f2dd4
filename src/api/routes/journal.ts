import { z } from 'zod';
import type { JournalEntry, JournalPosition } from '../../store/journal.ts';
import { JOURNAL_START, readJournal } from '../../store/journal.ts';
import { route } from '../route.ts';
import { pageQuery } from '../schemas/common.ts';
import { JournalPage } from '../schemas/journal.ts';

const POSITION = /^(\d{1,9})-(\d{1,19})-(\d{1,18})$/;

export const journalRoute = route({
  method: 'get',
  path: '/v1/journal',
  id: 'readJournal',
  tag: 'Journal',
  summary: 'Follow every change',
  about:
    'Entries in the order in which they became true; none is missed, none comes twice, and a subject’s entries keep their order. Keep `next` and ask again with `after=`: at the end of what there is, `next` is where to go on from.',
  scopes: ['journal:read'],
  query: z.strictObject({
    ...pageQuery,
    after: z.string().regex(POSITION, 'must be `next` of the page before').optional(),
  }),
  answer: { status: 200, about: 'Entries after the position.', schema: JournalPage },
  problems: [],
  async handle({ caller, query }, { database }) {
    const { tenantId } = caller;
    const after = positionOf(query.after);
    const entries = await readJournal(database.pool, { tenantId, after, limit: query.limit });
    const last = entries.at(-1);
    return {
      body: { items: entries.map(show), next: last ? textOf(last) : (query.after ?? null) },
    };
  },
});

function positionOf(text: string | undefined): JournalPosition {
  const [, epoch = '0', txid = '0', position = '0'] = POSITION.exec(text ?? '') ?? [];
  return text === undefined ? JOURNAL_START : { epoch: Number(epoch), txid, position };
}

const textOf = ({ epoch, txid, position }: JournalPosition): string =>
  `${epoch}-${txid}-${position}`;

const show = (entry: JournalEntry) => ({
  position: textOf(entry),
  subject: entry.subject,
  seq: entry.seq,
  at: entry.at.toISOString(),
  type: entry.type,
  data: entry.data,
});
