"""What an account at Stripe must hold before anything can be sold, and how it is made so.

Everything is looked up first and made only where it is missing or differs, so that it can be run again at any time,
also after it broke off. Looking alone, and making, are one code: they cannot disagree.

shop         a product a plan, two prices each, found by their lookup keys
portal       the configuration of the customers' portal
endpoints    where Stripe sends events: one endpoint for our account, one for connected ones
service      all of it, in order
"""
