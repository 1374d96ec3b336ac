"""Words of customer service that mean much the same, so that an example with one teaches the others.

Each line is one concept, its first word the name. General English, no word of any one business; a word stands on one
line only. Words are compared by their stems.
"""

from collections.abc import Sequence

from desk.language.stems import stem

_LINES = """
order purchase purchases
buy shop acquire bought
bill invoice invoices receipt
refund reimbursement reimburse restitution rebate compensation compensate moneyback
money cash funds
price cost costs fee fees charges rate rates pricing
pay payment payments paid
charge charged debit debited deduct deducted billed
delete remove erase eliminate terminate close shut deactivate
cancel cancellation cancelling cancelled canceling canceled revoke abort rescind
change modify alter edit amend adjust correct switch swap replace
update upgrade refresh
create open make start setup establish
add include insert
register registration signup enrol enroll
subscribe subscription
login signin logon access log
password passcode pin pwd
restore recover reset retrieve recovery
send ship dispatch forward mail post
delivery shipment shipping shipped deliver delivered delivering transit
parcel package packet box
arrive come land reach receive get obtain got received
track trace locate whereabouts tracking
late delay delayed overdue slow
missing lost disappear vanish vanished
wait waiting pending outstanding
product article item items goods merchandise products articles thing things
address street location residence
account profile membership
user username client customer
person human agent representative operator rep advisor adviser somebody someone people
talk speak chat call phone contact reach connect
telephone number phonenumber hotline
problem issue issues error errors trouble difficulty fault bug mistake
complaint complain claim grievance dissatisfied
review feedback rating opinion comment testimonial
help assistance assist support aid
find see check view look show verify consult
know learn understand information info details inform tell
explain describe clarify
how way method methods means manner
allowed permitted possible able
accept take allow
period time times duration long days window term
when date schedule
store branch showroom outlet shops
open opening hours timings
return send-back returns giveback
exchange exchanges
discount offer offers promo promotion coupon voucher deal deals sale
cheap cheaper lower
gift present
newsletter bulletin mailing
unsubscribe optout
stop end quit discontinue
withdraw withdrawal cashout
deposit topup
transfer transfers remit
card visa mastercard amex
bank banking
broken damaged defective faulty cracked torn
wrong incorrect mistaken inaccurate
new fresh another different
stolen theft robbed
fraud scam scammed fraudulent
fail failed failing decline declined reject rejected unsuccessful denied
work working function functioning operate
size dimension dimensions measurement
colour color shade
quality durable
genuine original authentic real fake authenticity
available stock availability
international abroad overseas foreign worldwide
country countries nation
free gratis complimentary
quick fast rapid soon quickly
tax vat duty customs
appointment booking reservation book reserve
reschedule move postpone
points score scores
team squad
verify verification confirm validate confirmation
document documents paperwork
balance wallet
limit maximum cap
language spanish french german
weather forecast temperature
movie film
meal food dish recipe
car vehicle auto
flight plane
hotel lodging
holiday vacation leave pto
salary wage income paycheck earnings
job occupation work
hello hi hey greetings
thanks thank cheers
bye goodbye farewell
courier carrier driver van postman postal ups fedex dhl usps
depot warehouse hub facility
doorstep porch neighbour neighbor door
furniture sofa couch lamp table chair desk bed bookshelf cabinet stool armchair wardrobe shelf
assemble assembly instructions manual screw screws bolts
clean wash washing cleaning stain stains care polish wipe
fabric leather wood oak cotton velvet material materials made
warranty guarantee guaranteed coverage covered
spare replacement part parts
doctor lawyer attorney solicitor
hack hacked hacker hijacked compromised breach breached phishing
employee staff coworker colleague boss manager supervisor
negotiate haggle bargain undercut match
point loyalty rewards reward bonus perks vip tier
friend relative mother wife husband
email mail inbox e-mail
surname lastname firstname
robot bot machine ai automated chatbot assistant
joke funny weather
expect expected estimate estimated eta
express overnight priority
standard regular normal
instalment installment instalments installments financing klarna afterpay
paypal applepay googlepay
expired expiry expire expires valid
apply enter redeem use
duplicate twice double
settle settled cleared processed complete completed
print download pdf
visit showroom consultation design designer
tomorrow today tonight weekend
weekday monday tuesday wednesday thursday friday saturday sunday
""".strip()

_CONCEPTS: dict[str, str] = {}
for _line in _LINES.splitlines():
    _name, *_words = _line.split()
    for _word in (_name, *_words):
        _CONCEPTS.setdefault(stem(_word), _name)


_GRAMMAR_WORDS = """a an any am and are as at be been by can could did do does for had has have i if in is it its just
    me my of on or please so some that the there this to was were will with would you your"""
_GRAMMAR = frozenset(_GRAMMAR_WORDS.split())


def concepts(words: Sequence[str]) -> list[str]:
    """The concepts of a text in order, without grammar; a text of grammar alone keeps its stems."""
    found = [concept(word) for word in words if word not in _GRAMMAR]
    return found or [stem(word) for word in words]


def concept(word: str) -> str:
    """The name of the word's concept, or its stem when it has none."""
    root = stem(word)
    return _CONCEPTS.get(root, root)
