import { z } from 'zod';
import { settingsFaults } from '../../domain/resource-checks.ts';
import { answerSchemas, Id, Instant, InstantOut, pageOf, requestSchemas } from './common.ts';
import { NewSettings, SettingsOut, SettingsPatch } from './resource-settings.ts';

const Name = z.string().min(1).max(200);
const TimeZone = z.string().min(1).max(100);
const Capacity = z.int().min(1).max(500);

export const NewResource = z
  .strictObject({
    id: Id,
    name: Name,
    timeZone: TimeZone,
    capacity: Capacity.default(1),
    settings: NewSettings.prefault({}),
  })
  .superRefine(({ settings }, context) => {
    for (const { path, message } of settingsFaults(settings))
      context.addIssue({ code: 'custom', path: ['settings', ...path], message });
  })
  .register(requestSchemas, { id: 'NewResource' });

/** What is left out stays as it is; `settings` is merged by field, and checked as a whole. */
export const ResourcePatch = z
  .strictObject({
    name: Name.optional(),
    timeZone: TimeZone.optional(),
    capacity: Capacity.optional(),
    settings: SettingsPatch.optional(),
  })
  .register(requestSchemas, { id: 'ResourcePatch' });

export const Resource = z
  .object({
    id: z.string(),
    name: z.string(),
    timeZone: z.string(),
    capacity: z.int(),
    settings: SettingsOut,
    createdAt: InstantOut,
    archivedAt: InstantOut.nullable(),
  })
  .register(answerSchemas, { id: 'Resource' });
export const ResourcePage = pageOf(Resource, 'ResourcePage');

export const NewBlock = z
  .strictObject({
    startAt: Instant,
    endAt: Instant,
    unit: z.int().min(1).max(500).nullable().default(null),
  })
  .refine((block) => block.startAt < block.endAt, {
    error: 'must be after startAt',
    path: ['endAt'],
  })
  .register(requestSchemas, { id: 'NewBlock' });

export const Block = z
  .object({
    id: z.string(),
    resourceId: z.string(),
    unit: z.int().nullable(),
    startAt: InstantOut,
    endAt: InstantOut,
    createdAt: InstantOut,
  })
  .register(answerSchemas, { id: 'Block' });
export const BlockPage = pageOf(Block, 'BlockPage');
