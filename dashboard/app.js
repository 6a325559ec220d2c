/** The billing page on a host of its own: the element, with what the deployment says of itself. */

import { AerostackBilling } from "./aerostack-billing.js";
import { config } from "./config.js";

const page = new AerostackBilling();
page.toggleAttribute("whole-page", true);
page.config = config;
document.body.append(page);
