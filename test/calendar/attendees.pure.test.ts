import { describe, expect, it, test } from 'vitest';
import { addressName } from '../../src/calendar/attendees.ts';
import { parseFeed } from '../../src/calendar/parse.ts';

const OWNER = ['mailto:anna@example.com', '/principals/anna/', 'urn:uuid:0A1B-2C'];

const kindsOf = (lines: readonly string[], ownerAddresses = OWNER) =>
  parseFeed(
    [
      'BEGIN:VCALENDAR',
      'BEGIN:VEVENT',
      'UID:a',
      'DTSTART:20270104T090000Z',
      'DTEND:20270104T100000Z',
      ...lines,
      'END:VEVENT',
      'END:VCALENDAR',
    ].join('\r\n'),
    { ownerAddresses },
  ).events.map(({ kind }) => kind);

describe('an invitation that the owner declined takes no time', () => {
  test.each([
    ['ATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.com'],
    ['ATTENDEE;CN="Anna: at work";RSVP=TRUE;PARTSTAT=declined:MAILTO:Anna@Example.COM'],
    ['attendee;partstat=DECLINED:mailto:anna%40example.com'],
    ['ATTENDEE;PARTSTAT=DECLINED;SENT-BY="mailto:bob@example.com":mailto:anna@example.com'],
    ['ATTENDEE;PARTSTAT=DECLINED:/principals/anna'],
    ['ATTENDEE;PARTSTAT=DECLINED:URN:UUID:0a1b-2c'],
    ['ATTENDEE;PARTSTAT=DECLINED;EMAIL=anna@example.com:/aMTIz/principal/'],
    ['ATTENDEE;PARTSTAT=DECL\r\n INED:mailto:an\r\n na@example.com'],
  ])('written as %j', (line) => {
    expect(kindsOf([line, 'ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.com'])).toEqual([
      'not-taken',
    ]);
  });
});

describe('an entry takes time', () => {
  test.each([
    ['that somebody else declined', ['ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com']],
    [
      'that the owner declined for somebody else',
      ['ATTENDEE;PARTSTAT=DECLINED;SENT-BY="mailto:anna@example.com":mailto:bob@example.com'],
    ],
    [
      'that the owner handed on',
      ['ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:bob@example.com":mailto:anna@example.com'],
    ],
    ['that was not answered', ['ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:anna@example.com']],
    ['whose answer is missing', ['ATTENDEE:mailto:anna@example.com']],
    [
      'that the owner takes part in under another of several addresses',
      [
        'ATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.com',
        'ATTENDEE;PARTSTAT=ACCEPTED:/principals/anna/',
      ],
    ],
    [
      'whose description speaks of it',
      ['DESCRIPTION:x\\nATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.com'],
    ],
    [
      'whose alarm is for the owner alone',
      [
        'BEGIN:VALARM',
        'ATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.com',
        'ACTION:EMAIL',
        'END:VALARM',
      ],
    ],
  ])('%s', (_, lines) => {
    expect(kindsOf(lines)).toEqual(['default']);
  });

  it('whatever was declined, where the owner is not known, as of a feed', () => {
    expect(kindsOf(['ATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.com'], [])).toEqual([
      'default',
    ]);
  });
});

test.each([
  ['mailto:a@example.com', ' MAILTO:A@example.com ', true],
  ['mailto:a@example.com', 'mailto:a@example.com?subject=x', true],
  ['mailto:a@example.com', 'mailto:b@example.com', false],
  ['/principals/Anna/', '/principals/anna/', false],
  ['mailto:100%', 'mailto:100%', true],
  ['/', '/', true],
])('%j and %j name one address: %s', (one, other, expected) => {
  expect(addressName(one) === addressName(other)).toBe(expected);
});
