# SPDX-License-Identifier: Apache-2.0
"""Word lists shared by the generators."""

def _w(s):
    return s.split()

ANIMALS = _w("cat dog fox owl bear wolf lion tiger horse cow sheep goat pig duck goose hen mouse rat frog toad snake turtle "
             "fish shark whale seal bee ant spider eagle hawk crow swan deer rabbit camel zebra monkey panda koala")
FRUIT = _w("apple pear plum cherry peach grape lemon lime orange banana mango melon berry fig kiwi date apricot strawberry "
           "carrot onion potato tomato pepper bean pea corn garlic celery cabbage spinach")
COLOURS = _w("red blue green yellow black white brown grey pink purple orange silver golden violet")
THINGS = _w("key book lamp chair table cup plate spoon fork knife bottle box bag coat hat shoe glove ring clock watch "
            "mirror candle rope bell drum flute violin guitar piano map globe compass pen pencil brush paper stamp coin "
            "ticket camera phone radio umbrella basket blanket pillow towel soap comb needle button hammer saw nail "
            "ladder bucket broom kite ball doll puzzle statue vase shell feather stone lantern helmet sword shield crown")
ADJ = _w("red blue green yellow black white brown grey pink purple silver golden copper iron wooden glass paper plastic "
         "small large old new tiny heavy light round square broken shiny dusty soft striped")
NAMES = _w("Anna Ben Clara David Ella Finn Grace Hugo Iris Jack Kate Leo Mia Noah Olga Paul Quinn Rosa Sam Tom Uma Vera "
           "Will Xenia Yara Zoe Adam Beth Carl Dora Eric Fay Gina Hank Ida Joel Karl Lena Mark Nina Oscar Petra Ralf "
           "Sara Theo Ursula Victor Wendy Alice Bruno Cora Dylan Emma Felix Greta Henry Ivy Jonas Kira Lucas Martha Nils")
SURNAMES = _w("Reed Stone Field Brook Hill Wood Lake Rivers Frost Snow West North Marsh Dale Ford Glen Grant Hunt Knight "
              "Lane Mills Moss Page Park Price Rose Shaw Swift Wells Young Baker Cook Fisher Hunter Mason Miller Potter Smith")
CITIES = _w("Paris London Berlin Madrid Rome Vienna Lisbon Oslo Dublin Prague Athens Cairo Tokyo Delhi Lima Bern Warsaw "
            "Budapest Helsinki Stockholm Moscow Kyoto Boston Chicago Dallas Denver Seattle Toronto Sydney Geneva Milan "
            "Naples Venice Munich Hamburg Zurich Porto Seville Lyon Nice")
JOBS = _w("baker doctor teacher farmer pilot sailor singer painter writer lawyer nurse driver cook tailor gardener plumber "
          "carpenter dentist engineer chemist actor dancer judge librarian mechanic miner printer soldier waiter")
CODEWORDS = _w("amber birch cedar delta ember falcon garnet harbor indigo jasper kestrel lotus maple nectar onyx pearl quartz "
               "raven sable topaz umber velvet willow yarrow zephyr anchor beacon canyon dragon eclipse fable glacier hazel")
EXTRA = _w("strawberry banana mississippi computer elephant umbrella letter window garden summer winter autumn spring "
           "school teacher river mountain ocean forest bridge castle dinner breakfast morning evening weather thunder "
           "lightning rainbow butterfly happiness language question answer number sentence science history music "
           "kitchen bedroom holiday birthday present chocolate cheese butter sugar coffee water paper yellow purple "
           "bookkeeper committee success address balloon parallel raspberry blueberry necessary tomorrow")
SPELL = sorted({w for w in ANIMALS + FRUIT + COLOURS + THINGS + ADJ + JOBS + CODEWORDS + EXTRA if len(w) >= 3})
