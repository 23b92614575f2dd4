import express from 'express';
import type { Request, RequestHandler, Response, Router } from 'express';
import type { Host } from '../host.ts';
import { authenticate, challenge, createAccounts } from './accounts.ts';
import { resolveAddress } from './addresses.ts';
import type { Resource } from './addresses.ts';
import { createCalendarStore } from './calendar-store.ts';
import { deleteCalendar, mkcalendar, proppatch } from './collections.ts';
import { isAt, originOf } from './context.ts';
import type { At, CaldavParts, Context } from './context.ts';
import { createCaldavControl } from './control.ts';
import { CaldavError, answerRefusal, notFound, scriptedErrorBody, xmlType } from './errors.ts';
import { deleteObject, getObject, putObject } from './objects.ts';
import { propfind } from './propfind.ts';
import { report } from './reports.ts';
import { declareCaldavSwitches } from './switches.ts';

/**
 * A CalDAV server at `/dav/` with iCloud's habits: discovery, calendars and their objects, sync and
 * the reports of RFC 4791 and 6578. Not emulated: locks, ACL changes, deliveries of scheduling
 * messages, COPY and MOVE, calendar data in part or expanded.
 */
export function createCaldav(
  host: Host,
  partitionOrigin: () => string,
): { router: Router; control: Router } {
  const parts: CaldavParts = {
    host,
    switches: declareCaldavSwitches(host),
    accounts: createAccounts(host),
    store: createCalendarStore(host),
    partitionOrigin,
  };
  const exchange = host.exchange({ host: 'caldav', errorBody: scriptedErrorBody });
  const router = express.Router({ caseSensitive: true });
  router.use('/.well-known/caldav', asDav, ...exchange, (req, res) => {
    redirect(parts, req, res);
  });
  router.use('/dav', asDav, ...exchange, (req, res) => {
    answer(parts, req, res);
  });
  router.use(answerRefusal);
  return { router, control: createCaldavControl(parts) };
}

/** Scripted answers carry what the server's own would. */
const asDav: RequestHandler = (_req, res, next) => {
  res.type(xmlType);
  const status = res.status.bind(res);
  res.status = (code) => {
    if (code === 401 && !res.hasHeader('WWW-Authenticate')) {
      res.setHeader('WWW-Authenticate', challenge);
    }
    return status(code);
  };
  next();
};

/** Source: RFC 6764 §5. */
function redirect({ switches }: CaldavParts, req: Request, res: Response): void {
  if (switches.wellKnown === 'missing') throw notFound();
  const target =
    switches.hostile === 'redirect' ? switches.hostileAddress : `${originOf(req)}/dav/`;
  res.removeHeader('Content-Type');
  res.status(Number(switches.wellKnown)).set('Location', target).end();
}

const methods: Record<string, (context: Context) => void> = {
  OPTIONS: options,
  PROPFIND: propfind,
  PROPPATCH: proppatch,
  REPORT: report,
  MKCALENDAR: mkcalendar,
  GET: (context) => onObject(context, getObject),
  HEAD: (context) => onObject(context, getObject),
  PUT: (context) => onObject(context, putObject),
  DELETE: (context) =>
    isAt(context, 'calendar') ? deleteCalendar(context) : onObject(context, deleteObject),
};

function answer(parts: CaldavParts, req: Request, res: Response): void {
  res.set('DAV', davHeader);
  const caller = authenticate(req, parts.accounts);
  const resource = addressed(req, parts);
  const foreign = resource.kind !== 'root' && resource.account.user !== caller.user;
  if (foreign) throw new CaldavError(403, 'This belongs to another account.');
  if (!livesHere(parts, req, resource.kind)) throw notFound();
  const act = Object.hasOwn(methods, req.method) ? methods[req.method] : undefined;
  if (act === undefined) throw notAllowed(res);
  act({ req, res, parts, caller, resource });
}

/** What the call's address names. Source for the 409: RFC 4918 §9.7.1. */
function addressed(req: Request, parts: CaldavParts): Resource {
  try {
    return resolveAddress(req.originalUrl.split('?', 1)[0]!, parts);
  } catch (error) {
    if (req.method !== 'PUT' || !(error instanceof CaldavError)) throw error;
    throw new CaldavError(409, 'The collection to put this into is not there.');
  }
}

/** Source: RFC 4918 §10.1, RFC 4791 §5.1, RFC 3744 §7.2, RFC 5397. */
const davHeader = '1, 3, access-control, extended-mkcol, calendar-access, calendarserver-sharing';

function options({ res }: Context): void {
  res.removeHeader('Content-Type');
  res.status(200).set('Allow', Object.keys(methods).join(', ')).end();
}

function onObject(context: Context, act: (context: At<'object'>) => void): void {
  if (!isAt(context, 'object')) throw notAllowed(context.res);
  act(context);
}

function notAllowed(res: Response): CaldavError {
  res.set('Allow', Object.keys(methods).join(', '));
  return new CaldavError(405, 'The method is not allowed here.');
}

/** Where there is a partition host, it alone has the calendars. */
function livesHere(
  { switches, partitionOrigin }: CaldavParts,
  req: Request,
  kind: string,
): boolean {
  if (switches.partition !== 'other' || kind === 'root' || kind === 'principal') return true;
  return String(req.socket.localPort) === new URL(partitionOrigin()).port;
}
