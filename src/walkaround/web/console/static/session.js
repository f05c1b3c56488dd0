/** Who uses the console, and what they may do. */

import { computed, signal } from "./vendor/preact.js";
import { get, useCsrf, whenSignedOut, whenTokenIsOld } from "./api.js";
import { go, path } from "./router.js";

const ROLES = ["read", "detect", "manage", "admin"];

/** The session as the server tells it; null before it is known or after it has ended. */
export const session = signal(null);
/** The user's name; null where no sign-in is needed. */
export const user = computed(() => session.value?.user ?? null);

/**
 * Whether the user may do what needs a role.
 * @param {"read"|"detect"|"manage"|"admin"} role
 */
export function may(role) {
  return ROLES.indexOf(session.value?.role ?? "read") >= ROLES.indexOf(role);
}

/** Ask the server who this is, and lead to where they have to go first. */
export async function begin() {
  whenSignedOut(leave);
  whenTokenIsOld(renewed);
  const told = await get("/session");
  if (told.role) take(told);
  else leave(told.setup ? "/setup" : undefined);
}

/** Take what the server told of a session that begins. */
export function take(told) {
  session.value = told;
  useCsrf(told?.csrf ?? null);
}

/** Whether the same user has signed in again in another tab: then this one goes on in the new session. */
async function renewed() {
  const former = session.value;
  const told = await get("/session");
  if (!told.csrf || told.csrf === former?.csrf) return false;
  take(told);
  return told.user === former?.user;
}

function leave(to = "/sign-in") {
  take(null);
  if (path.value === "/sign-in" || path.value === "/setup") return;
  go(`${to}?next=${encodeURIComponent(path.value + location.search)}`, { replace: true });
}
