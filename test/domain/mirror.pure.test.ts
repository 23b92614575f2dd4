import { describe, expect, test } from 'vitest';
import {
  editOf,
  isMassRemoval,
  judgeEdit,
  type MirrorFacts,
  type OutsideEdit,
} from '../../src/domain/mirror.ts';
import { isMarkerOf, markerFor } from '../../src/store/mirror-marker.ts';

const OURS: MirrorFacts = {
  startAt: 36_000_000,
  endAt: 39_600_000,
  status: 'confirmed',
  transparency: 'opaque',
};
const HOUR_MS = 3_600_000;

describe('an edit', () => {
  test.each<[string, Partial<MirrorFacts>, string]>([
    ['nothing', {}, 'none'],
    ['the start', { startAt: 32_400_000 }, 'moved'],
    ['the end', { endAt: 43_200_000 }, 'moved'],
    ['what can be read of it', { startAt: null, endAt: null }, 'moved'],
    ['its status', { status: 'tentative' }, 'altered'],
    ['its transparency', { transparency: 'transparent' }, 'altered'],
    ['all, by cancelling it', { status: 'cancelled' }, 'gone'],
  ])('of %s counts as it should', (_name, change, edit) => {
    expect(editOf(OURS, { ...OURS, ...change })).toBe(edit);
  });

  test('that leaves nothing is a removal', () => {
    expect(editOf(OURS, null)).toBe('gone');
  });
});

describe('what follows from an edit', () => {
  const nowAt = Date.parse('2027-01-01T00:00:00Z');
  const judge = (edit: Partial<OutsideEdit>) =>
    judgeEdit({
      edit: 'moved',
      doubt: 'change',
      rule: 'restore',
      subject: 'booking',
      isLive: true,
      isMass: false,
      restoredAt: [],
      attention: null,
      nowAt,
      ...edit,
    });
  const follow = { rule: 'follow' as const };
  const gone = { edit: 'gone' as const, doubt: 'tombstone' as const };

  test('is nothing where nothing that counts has changed', () => {
    expect(judge({ edit: 'none', ...follow })).toEqual({ act: 'keep' });
  });

  test('is a restore, three times within a day, and then a person', () => {
    const ago = (...hours: number[]) => hours.map((one) => nowAt - one * HOUR_MS);
    expect(judge({ restoredAt: ago(1, 2) })).toEqual({ act: 'restore' });
    expect(judge({ restoredAt: ago(1, 2, 25) })).toEqual({ act: 'restore' });
    const asks = { act: 'ask', attention: 'edited-again-and-again' };
    expect(judge({ restoredAt: ago(1, 2, 23) })).toEqual(asks);
    expect(judge({ attention: 'edited-again-and-again' })).toEqual(asks);
  });

  test('is a cancellation only by the channel’s word, on a live connection', () => {
    expect(judge({ ...follow, ...gone })).toEqual({ act: 'cancel' });
    expect(judge({ ...follow, ...gone, isLive: false })).toEqual({ act: 'wait' });
    expect(judge({ ...follow, ...gone, doubt: 'absence' })).toEqual({ act: 'restore' });
    expect(judge({ ...follow, ...gone, doubt: 'change' })).toEqual({ act: 'keep' });
    expect(judge({ ...follow, ...gone, attention: 'moved-at-channel' })).toEqual({ act: 'cancel' });
    expect(judge(gone)).toEqual({ act: 'restore' });
    const asks = { act: 'ask', attention: 'many-removed-at-channel' };
    expect(judge({ ...follow, ...gone, isMass: true })).toEqual(asks);
    expect(judge({ ...gone, isMass: true })).toEqual({ act: 'restore' });
  });

  test.each([
    [2, 2, false],
    [3, 3, true],
    [2, 3, false],
    [4, 8, false],
    [5, 8, true],
  ])('is asked about where %i of %i were removed: %s', (removed, live, isMass) => {
    expect(isMassRemoval({ removed, live })).toBe(isMass);
  });

  test('is a question where a booking was moved and edits are followed', () => {
    expect(judge(follow)).toEqual({ act: 'ask', attention: 'moved-at-channel' });
    expect(judge({ ...follow, edit: 'altered' })).toEqual({ act: 'restore' });
  });

  test('of a block is a restore in any case', () => {
    expect(judge({ ...follow, ...gone, subject: 'block' })).toEqual({ act: 'restore' });
    expect(judge({ ...follow, subject: 'block' })).toEqual({ act: 'restore' });
  });
});

describe('a marker', () => {
  const key = Buffer.alloc(32, 1);
  const subject = { tenantId: 'acme', subjectId: 'b-1', startAt: 1_000, endAt: 2_000 };
  const marker = markerFor(key, subject);
  const { tenantId, startAt, endAt } = subject;

  test('proves its booking and span, to its tenant alone', () => {
    expect(marker).toMatch(/^b-1\.[\w-]{22}$/);
    expect(isMarkerOf(key, marker, { tenantId, startAt, endAt })).toBe(true);
    expect(isMarkerOf(key, marker, { tenantId, startAt, endAt: 3_000 })).toBe(false);
    expect(isMarkerOf(key, marker, { tenantId: 'other', startAt, endAt })).toBe(false);
    expect(isMarkerOf(Buffer.alloc(32, 2), marker, { tenantId, startAt, endAt })).toBe(false);
    const of = marker.replace('b-1', 'b-2');
    expect(isMarkerOf(key, of, { tenantId, startAt, endAt })).toBe(false);
  });

  test.each(['', 'b-1', 'b-1.', 'b-1.AAAA', 'b-1.!', `${marker}A`, '.'])(
    'that is none (%j) proves nothing',
    (text) => {
      expect(isMarkerOf(key, text, { tenantId, startAt, endAt })).toBe(false);
    },
  );
});
