import { z } from 'zod';
import { answerSchemas, Channel, Id, InstantOut, pageOf, requestSchemas } from './common.ts';

const SecretUrl = z.string().min(1).max(4_096);
const Password = z
  .string()
  .min(1)
  .max(1_024)
  .describe('An app-specific password where the server has them.');

export const NewAccount = z
  .discriminatedUnion('channel', [
    z.strictObject({ channel: z.literal('ical'), url: SecretUrl }),
    z
      .strictObject({
        channel: z.literal('caldav'),
        serverUrl: z
          .string()
          .trim()
          .min(1)
          .max(4_096)
          .optional()
          .describe('As the server tells its users; the rest is found from there.'),
        preset: z.enum(['icloud']).optional().describe('In place of `serverUrl`.'),
        username: z.string().min(1).max(512),
        password: Password,
      })
      .refine((one) => (one.serverUrl === undefined) !== (one.preset === undefined), {
        path: ['serverUrl'],
        message: 'give either `serverUrl` or `preset`',
      }),
  ])
  .register(requestSchemas, { id: 'NewAccount' });

export const AccountPatch = z
  .strictObject({
    password: Password.optional().describe('Of the same user, for accounts with a password.'),
    url: SecretUrl.optional().describe('Of the same calendar, for accounts with an address.'),
  })
  .refine((one) => (one.password === undefined) !== (one.url === undefined), {
    path: ['password'],
    message: 'give either `password` or `url`',
  })
  .register(requestSchemas, { id: 'AccountPatch' });

export const Account = z
  .object({
    id: z.string(),
    channel: Channel,
    subject: z.string().nullable().describe("The channel's own id of the account, where it tells."),
    state: z.enum(['active', 'needs-reauthorization']),
    calendarsCheckedAt: InstantOut.nullable().describe(
      'When its calendars were last looked at for new names, lost rights and removal.',
    ),
    createdAt: InstantOut,
  })
  .register(answerSchemas, { id: 'Account' });
export const AccountPage = pageOf(Account, 'AccountPage');

export const ListedCalendars = z
  .object({
    items: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        timeZone: z.string(),
        push: z.boolean(),
        write: z.boolean(),
        primary: z.boolean(),
        shared: z
          .boolean()
          .optional()
          .describe("Whether it is somebody else's; absent where the channel does not tell."),
      }),
    ),
  })
  .register(answerSchemas, { id: 'ListedCalendars' });

export const NewAuthorization = z
  .strictObject({
    accountId: Id.optional().describe(
      'Authorizes this account again; a new one is made when left out.',
    ),
  })
  .register(requestSchemas, { id: 'NewAuthorization' });

export const Authorization = z
  .object({ authorizationUrl: z.string(), expiresAt: InstantOut })
  .register(answerSchemas, { id: 'Authorization' });
