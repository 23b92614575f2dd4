import type { ErrorRequestHandler } from 'express';
import { dav } from './names.ts';
import { node, writeXml } from './xml-write.ts';
import type { XmlNode } from './xml-write.ts';

/** A refusal: its status, and the precondition that failed, if the RFCs name one. */
export class CaldavError extends Error {
  readonly status: number;
  readonly precondition: XmlNode | undefined;

  constructor(status: number, message: string, precondition?: XmlNode) {
    super(message);
    this.status = status;
    this.precondition = precondition;
  }
}

export function badRequest(message: string): CaldavError {
  return new CaldavError(400, message);
}

export function notFound(): CaldavError {
  return new CaldavError(404, 'Nothing is at this address.');
}

/** `name` is `{namespace}local`. Source: RFC 4918 §16. */
export function failed(status: number, name: string, message: string): CaldavError {
  return new CaldavError(status, message, node(name));
}

/** Source: RFC 3744 §7.1.1. */
export function needsPrivilege(href: string, privilege: string): CaldavError {
  const resource = node(dav('resource'), [
    node(dav('href'), [href]),
    node(dav('privilege'), [node(dav(privilege))]),
  ]);
  const precondition = node(dav('need-privileges'), [resource]);
  return new CaldavError(403, `This needs the privilege ${privilege}.`, precondition);
}

export const xmlType = 'application/xml; charset=utf-8';

function errorXml(precondition: XmlNode | undefined, message: string): string {
  const description = node('{http://calendarserver.org/ns/}error-description', [message]);
  return writeXml(
    node(dav('error'), [...(precondition ? [precondition] : []), description]),
    'prefixed',
  );
}

const scripted: Record<number, XmlNode> = {
  403: node(dav('need-privileges')),
  423: node(dav('lock-token-submitted')),
  507: node(dav('quota-not-exceeded')),
};

/** What a server says with a scripted status. Source: RFC 4918 §11, RFC 4331 §6. */
export function scriptedErrorBody(status: number): unknown {
  if (status === 401 || status === 503) return undefined;
  return errorXml(scripted[status], 'The server was told to answer so.');
}

/** Turns refusals into answers; anything else is this emulator's own defect. */
// oxlint-disable-next-line max-params -- Express knows an error handler by its four parameters.
export const answerRefusal: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent || !(error instanceof CaldavError)) return next(error);
  if (error.status === 401) {
    res.removeHeader('Content-Type');
    return void res.status(401).end();
  }
  res.status(error.status).type(xmlType).send(errorXml(error.precondition, error.message));
};
