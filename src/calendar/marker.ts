/** Carries on our own mirrors what tells them from everybody else's entries. */
export const MARKER_PROPERTY = 'X-HOLDFAST-MARKER';
