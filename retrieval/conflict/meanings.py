"""The English that conflict detection knows: words that mean one thing, deny another, narrow it, or say little.

General words of customer service, no name of any business or product. Words of one line mean so nearly the same that
two articles which use them for the same number are to be compared ("fee", "price"); kinds of a thing ("express",
"standard") never stand on one line.
"""


def words_in(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.strip().splitlines()]


_STOP = """
extra a about again all already also although am an and any anybody anyone anything are as at away be because been
being both but by can could did do does doing don done each either else etc even ever every everybody everyone
everything for from get gets getting give gives given go goes going got had has have having he her here hers him his
how however i if in into is it its itself just kind kinds let like lot made make makes making many may maybe me might
mine more moreover most much must my need needed needs neither no nobody none nor not nothing now of often on once
only onto or other others our ours ourselves out over own per perhaps please put quite rather really s same shall she
should simply since so some somebody someone something soon still such sure t take taken takes taking than thank
thanks that the their theirs them themselves then there thereby therefore these they thing things this those though
through thus to too toward towards until up upon us use used uses using usually very via want wants was everywhere
tumble sometimes we well were what whatever when whenever way ways where whether which while who whoever whom whose
why will with within without would yes yet you your yours yourself one ones long whole full normally generally
typically always never anytime currently directly after before least during among between around along across back
reason late later pm under above below less fewer greater beyond upto smallest largest highest lowest note e.g i.e eg
ie
"""
STOP = frozenset(_STOP.split())

_SAME = """
cost price fee charge tariff priced surcharge
admission entry entrance
watch stream view
charging recharge recharging
bike bicycle
waste rubbish garbage trash
schedule plan
rent hire rental
treatment treat
staircase stairs
checkup examination
carrier courier
parcel package packet
year annual annually yearly
month monthly
week weekly
day daily
promotion promo coupon voucher
colour color coloured colored
programme program scheme
centre center
instalment installment
sofa couch settee
carpet rug
curtain drape
answer reply respond response
exchange swap
invoice bill
buy purchase bought
delete erase remove removal
refund reimburse reimbursement refundable
return returnable sendback
cancel cancell cancellation revoke
store shop branch
person human people
phone telephone call hotline
christmas xmas
abroad overseas
website site webpage
assembly assemble
register registration enrol enroll enrolment enrollment
deliver delivery
ship shipping shipment dispatch sent send
complaint complain
repair mend fix
expire expiry expiration valid validity lapse
withdraw withdrawal
begin start
end finish over
warranty guarantee
arrive reach arrival receive
keep retain kept storage retention stored storing
join joining
approve approval
confirm confirmation
activate activation
collect collection pickup
open opening reopen
close closing closure shut
earn earnings accrue
include inclusion
subscribe subscription subscriber
renew renewal
book booking reserve reservation
insure insurance protect
pay payment paid payable
customer client
worker employee staff
child children kid
luggage baggage
notice notify notification
bonus reward
damage broken breakage
faulty defective defect
report tell inform
password passcode
account profile
review rating
dispute chargeback contest
loan borrow lend borrowing
repeat retake
attachment upload file
wrap wrapping
present gift
dryer drier
pet animal
meal food eat
application apply applicant
course class
baby infant
seat seating
due deadline
waive waiver
port porting move moving
inactive inactivity idle
discount off cheap cheaper save saving rebate
match beat
member membership
trip travel journey
photo picture image photography
company firm
cash banknote
email mail
letter post
lose lost loss
theft stolen steal
cover coverage
excess deductible
lock block
safe suitable
wool woollen woolen
wood wooden
sale clearance
sell offer available stock
subject topic
compensate compensation
unpack unpacking
participate participation
permit licence license
minor underage
question enquiry inquiry query
clerk agent representative adviser advisor
technician engineer
try attempt
weigh weight
long length
wide width
high height
old age
student learner
fast speed
storey floor
flat apartment
holiday vacation
overdraft overdrawn
repay repayment
verify verification
identity identification
certificate certification
require requirement
transfer wire
"""


SAME = lines(_SAME)
"""Each list is one meaning; the first word names it."""

_LIGHT = """
period term duration recommend suggest bin item order customer thing day time service team part business come run last
provide offer say show ask write see know find look help work wait allow accept set want wish happen page press choose
select enter click add begin end arrive member product goods article number kind type way list total amount sum usual
normal free require person reach first simply due include parcel package money place easy quick complete available
possible exist right wrong good well new additional each hour minute week month year whenever full whole start
eligible able standard-time prior advance ahead moment later early cost arrange handle process still
"""
LIGHT_WORDS = frozenset(_LIGHT.split())
"""Words that say little about which fact is meant."""

_VERBS = """
keep arrive tell wait hold process complete handle arrange send reach return give pay charge cost last run take need
ask require deliver ship collect expire start end reply store delete cancel change travel add reduce save
"""
VERB_WORDS = frozenset(_VERBS.split()) | LIGHT_WORDS
"""Words that may stand in each other's place when the same thing is said otherwise."""

_LIMITING = """
express standard regular priority overnight economy premium basic plus pro starter enterprise personal private
corporate commercial student teen child senior adult youth junior family joint individual group second third guest
nonmember vip gold silver bronze platinum diamond emerald ruby sapphire black white red green blue yellow orange
purple pink grey brown beige lime navy teal crimson violet sale clearance outlet final custom customised customized
personalised personalized engraved bespoke printed digital electronic physical virtual paper online showroom large
small oversized bulky heavy international domestic foreign abroad national regional weekend holiday christmas seasonal
summer winter spring autumn faulty lost stolen missing unopened unused worn electrical perishable fragile hazardous
prepaid postpaid debit credit gift refurbished partial temporary permanent internal external incoming outgoing inbound
outbound cabin wireless preorder emergency urgent instant wholesale retail freelance nonprofit government military
veteran pet infant disabled pregnant residential rural urban island lite max mini ultra deluxe introductory
promotional overdue subsequent further bachelor master outdoor indoor glass extended flexible light saver fullprice
"""
LIMITING_WORDS = frozenset(_LIMITING.split())
"""Words that narrow a statement to a kind of thing, customer or place."""

_PERSONS = """
driver passenger visitor traveller patient resident customer person team member people user we staff buyer owner
everybody holder guest participant child
"""
PERSON_WORDS = frozenset(_PERSONS.split())
"""Words for whoever it is; a claim about "customers" is one about "you"."""

CONTRASTS = lines("""
cancel change ship deliver return refund reply repair exchange approve renew activate expire assemble collect
open close
begin end
arrive depart departure
deposit withdraw
buy sell
join leave
earliest latest
adult child senior student
single double twin triple
before after
morning evening afternoon night
breakfast lunch dinner
checkin checkout boarding
domestic international
incoming outgoing
refund cost
setup monthly yearly annual
minimum maximum
transfer withdraw
email chat phone
warranty return
""")
"""Words of one list exclude each other: what is said of one is not said of another."""

_BACK = [
    "send",
    "sent",
    "sending",
    "bring",
    "brought",
    "give",
    "given",
    "come",
    "comes",
    "ship",
    "shipped",
    "post",
    "hand",
    "want",
    "wants",
    "return",
    "returned",
]
PARTICLES = {
    "back": dict.fromkeys(_BACK, "return") | {"money": "refund", "pay": "refund", "paid": "refund", "cash": "cashback"},
    "in": {"sign": "signin", "log": "signin", "signed": "signin", "check": "checkin", "hand": "return"},
    "out": {"check": "checkout", "run": "expire", "runs": "expire", "sign": "signout", "signed": "signout",
            "log": "signout", "locked": "lock", "pay": "payout", "paid": "payout", "move": "moveout"},
    "up": {"sign": "register", "pick": "collect", "picked": "collect", "top": "topup", "topped": "topup",
           "set": "setup"},
    "price": {"full": "fullprice", "regular": "fullprice", "normal": "fullprice", "sale": "sale", "list": "fullprice"},
    "priced": {"full": "fullprice"},
    "over": {"hand": "handover", "handed": "handover"},
}  # fmt: skip
"""Verbs whose meaning is in the word behind them, and what they mean together."""

PRODUCT_HEADS = words_in("""
    account card plan package tariff fare edition model series pass membership subscription saver checking
    savings loan mortgage insurance bundle kit tier programme program
""")
"""Nouns that make a product name of the words with a capital before them: "Evergreen Account"."""

NEGATORS = words_in("""
    not no never none neither nor nobody nothing nowhere non
""")
OPPOSITES = {
    "unavailable": "available", "impossible": "possible", "invalid": "valid", "ineligible": "eligible",
    "forbidden": "allowed", "prohibited": "allowed", "banned": "allowed", "disallowed": "allowed",
    "refuse": "accept", "refuses": "accept", "refused": "accept", "reject": "accept", "rejects": "accept",
    "rejected": "accept", "decline": "accept", "declines": "accept", "declined": "accept",
    "exclude": "include", "excludes": "include", "excluded": "included", "excluding": "including",
    "optional": "required", "unnecessary": "required", "unable": "able", "disabled": "enabled", "disable": "enable",
    "inactive": "active", "unlimited": "limited", "unsafe": "safe", "uninsured": "insured", "unpaid": "paid",
    "nonrefundable": "refundable", "nonreturnable": "returnable", "nontransferable": "transferable",
    "uncovered": "covered", "unsuitable": "suitable", "incompatible": "compatible", "unsupported": "supported",
    "voluntary": "required", "undisclosed": "disclosed",
}  # fmt: skip
"""Words that deny another word."""
UNIVERSAL = words_in("""
    all every any always everything everybody everyone anybody anyone everywhere anything whichever whatever
    whoever anytime entire whole
""")
"""Words that leave no exception."""
EXCEPTING = words_in("""
    except unless excluding excluded apart besides most usually normally generally mostly otherwise some
    typically often may might
""")
"""Words that leave room for one."""

FINITE = words_in("""
    is are was were be can may must will shall should need needs cost costs get gets have has take takes ship
    ships come comes do does apply applies end ends travel travels stay stays pay pays receive receives expire
    expires
""")
"""Verbs as they stand in a sentence, enough of them to see where its subject ends."""
OPEN_ENDED = words_in("""
    if when whenever unless except excluding once provided while until because
""")
"""Words that open a condition which runs to the next comma."""
