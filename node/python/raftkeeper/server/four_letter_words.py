"""The names of the four-letter commands that there are. What they say is the admin package's."""

FOUR_LETTER_WORDS = (
    "conf cons crst csnp dirs dump envi isro lgif mntr rqld ruok srst srvr stat uptm wchc wchp wchs "
    "ydld"
).split()
