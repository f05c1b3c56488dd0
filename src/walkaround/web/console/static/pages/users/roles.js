/** The roles in words. */

/** Value, name, and what it allows; each what those before it do. */
export const ROLES = [
  ["read", "Read", "look at pictures, models and results"],
  ["detect", "Detect", "also inspect pictures"],
  ["manage", "Manage", "also label, train, start, delete"],
  ["admin", "Administrator", "also users and all access keys"],
];

/** The options of a choice, up to a role. */
export function options(most = "admin") {
  const last = ROLES.findIndex(([role]) => role === most);
  return ROLES.slice(0, last + 1).map(([role, name, meaning]) => [role, `${name}: ${meaning}`]);
}

/** The name of a role. */
export const roleName = (role) => ROLES.find(([one]) => one === role)?.[1] ?? role;
