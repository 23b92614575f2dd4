import type { Channel } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { editOf, type Doubt, type MirrorFacts } from '../../src/domain/mirror.ts';
import { doubtMirrors, type DoubtedMirror } from '../../src/store/mirror-edits.ts';
import { mirrorsInPlace, type MirrorTask } from '../../src/store/mirrors.ts';
import type { ConnectionKey, OpenPass } from '../../src/store/sync.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { copyOf } from './mirror-copy.ts';
import type { Page } from './pulled-page.ts';

interface Told {
  pass: OpenPass;
  pulled: Page;
  /** Entries that a complete listing lacked and that are believed gone. */
  gone: readonly string[];
}

/**
 * Notes which of our mirrors a page says something else of. Before the page is applied, so that a
 * crash in between loses nothing: each is read before anything follows from it.
 */
export async function doubtOurs(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, pulled, gone }: Told,
): Promise<void> {
  if (!providerOf(deps.channels, pass.channel as Channel).supports.write) return;
  const said = new Map<string, (mirror: MirrorTask) => Doubt | null>();
  for (const nativeId of gone) said.set(nativeId, () => 'absence');
  for (const change of pulled.changes) {
    if (change.kind === 'removed') said.set(change.nativeId, () => 'tombstone');
    else {
      const copy = copyOf(change.event, pass.timeZone);
      said.set(change.event.nativeId, (mirror) => {
        const isSame = editOf(wantedOf(mirror), copy) === 'none';
        // Somebody may have put back what a person was called for.
        return isSame && mirror.attention === null ? null : 'change';
      });
    }
  }
  for (const { nativeId } of pulled.withheld) said.set(nativeId, () => 'change');
  if (said.size === 0) return;
  const { pool } = deps.database;
  const mirrors = await mirrorsInPlace(pool, key, [...said.keys()]);
  const doubted = mirrors.flatMap((mirror): DoubtedMirror[] => {
    const doubt = said.get(mirror.nativeId!)?.(mirror);
    return doubt ? [{ subjectId: mirror.subjectId, doubt }] : [];
  });
  await doubtMirrors(pool, key, doubted);
}

/** What should be there: our event as the channel gave it back, else as we wished it. */
export const wantedOf = (mirror: MirrorTask): MirrorFacts => mirror.copy ?? wishOf(mirror);

export const wishOf = (mirror: MirrorTask): MirrorFacts => ({
  startAt: mirror.startAt.getTime(),
  endAt: mirror.endAt.getTime(),
  status: mirror.status,
  transparency: 'opaque',
});
