/** What is read of Graph's event resource; everything else is left behind at the edge. */
export interface GraphTime {
  /** Local, with up to seven decimals and no offset. */
  dateTime: string;
  timeZone?: string;
}

export interface GraphItem {
  '@removed': { reason?: string };
  '@odata.etag': string;
  id: string;
  type: string;
  seriesMasterId: string | null;
  iCalUId: string | null;
  start: GraphTime;
  end: GraphTime;
  /** RFC 3339 in UTC, on members of a series. */
  originalStart: string | null;
  originalStartTimeZone: string | null;
  isAllDay: boolean;
  isCancelled: boolean;
  showAs: string;
  responseStatus: { response?: string } | null;
  lastModifiedDateTime: string | null;
  transactionId: string | null;
  singleValueExtendedProperties: { id?: string; value?: string }[];
}

export type Item = Partial<GraphItem>;

/** For requests that may choose; delta may not (`$select` is unsupported there). */
export const ITEM_FIELDS = [
  'id,type,seriesMasterId,iCalUId,start,end,originalStart,originalStartTimeZone,isAllDay',
  'isCancelled,showAs,responseStatus,lastModifiedDateTime,transactionId',
].join(',');
