/** The style that the pages of a model and of two models share: parts.css, loaded with this module. */

import { styled } from "../../ui/style_of_page.js";

export const styles = await styled(import.meta.url);
