"""The words of the payroll domain that people write: names, places, jobs. Phone numbers come from ranges reserved for fiction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Country:
    """What a person's country says about them.

    Attributes:
        utc_offset: minutes ahead of UTC; working hours are local.
        zone: the time zone's name.
        language: the language of the application.
        phone: a pattern of phone numbers that nobody has.
        places: towns that organizations are called after.
        given, family: names.
    """

    utc_offset: int
    zone: str
    language: str
    phone: str
    places: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_UK, _FRANCE, _PACIFIC = "+44 7700 900###", "+33 6 39 98 ## ##", "+61 491 570 ###"

COUNTRIES: Mapping[str, Country] = {
    "Kenya": Country(
        180,
        "Africa/Nairobi",
        "sw",
        _UK,
        _words("Kisumu Nakuru Eldoret Mombasa Thika Machakos Lamu Kitale Garissa Nyeri"),
        _words(
            "Amina Wanjiru Brian Cynthia Dennis Esther Faith Grace Hassan Irene James Kevin Lilian Mercy Njeri Otieno"
            " Peter Purity Rose Samuel Stephen Tabitha Victor Zawadi"
        ),
        _words(
            "Achieng Barasa Chebet Gathoni Juma Kamau Karanja Kariuki Kibet Kimani Kiplagat Korir Macharia Maina Mutua"
            " Mwangi Ndungu Njoroge Ochieng Odhiambo Omondi Onyango Wafula Wambui"
        ),
    ),
    "Uganda": Country(
        180,
        "Africa/Kampala",
        "en",
        _UK,
        _words("Gulu Jinja Mbarara Masaka Arua Lira Soroti Entebbe Mbale Kasese"),
        _words(
            "Agnes Allan Betty Brenda Charles Daphne David Doreen Emmanuel Florence Fred Harriet Isaac Jane Joel Joseph"
            " Juliet Martha Moses Patience Ronald Ruth Sarah Simon"
        ),
        _words(
            "Akello Aceng Atim Byaruhanga Kaggwa Kato Kiggundu Kizza Lubega Lutalo Mugisha Mukasa Musoke Nabirye"
            " Nakato Namukasa Nansubuga Ocen Ojok Okello Okot Ssali Tumusiime Wasswa"
        ),
    ),
    "Ghana": Country(
        0,
        "Africa/Accra",
        "en",
        _UK,
        _words("Kumasi Tamale Takoradi Tema Koforidua Sunyani Ho Bolgatanga Wa Winneba"),
        _words(
            "Abena Adwoa Afia Akosua Akua Ama Ebo Efua Ekow Esi Fiifi Kofi Kojo Kwabena Kwadwo Kwaku Kwame Kwasi Kwesi"
            " Nana Nii Serwaa Yaa Yaw"
        ),
        _words(
            "Acheampong Addo Adjei Agyeman Amoah Ampofo Ansah Appiah Asante Asare Boateng Boadu Danso Darko Frimpong"
            " Gyamfi Mensah Nkrumah Ofori Opoku Osei Owusu Quaye Sarpong"
        ),
    ),
    "Nigeria": Country(
        60,
        "Africa/Lagos",
        "en",
        _UK,
        _words("Ibadan Abeokuta Enugu Kaduna Jos Ilorin Calabar Benin Akure Owerri"),
        _words(
            "Adaeze Aisha Bola Chidi Chinwe Damilola Ebere Emeka Femi Funke Halima Ibrahim Ifeoma Kemi Kunle Musa Ngozi"
            " Nneka Obinna Segun Sade Tunde Uche Yusuf"
        ),
        _words(
            "Abiola Abubakar Adebayo Adeyemi Afolabi Akande Balogun Bello Chukwu Danjuma Eze Ezeani Ibe Igwe Lawal"
            " Mohammed Nwosu Obi Okafor Okeke Okonkwo Olawale Sani Umar"
        ),
    ),
    "Senegal": Country(
        0,
        "Africa/Dakar",
        "fr",
        _FRANCE,
        _words("Thiès Kaolack Ziguinchor Rufisque Mbour Tambacounda Louga Diourbel Kolda Matam"),
        _words(
            "Abdou Adama Aïssatou Alioune Aminata Astou Awa Babacar Bineta Cheikh Coumba Fatou Ibrahima Khady Lamine"
            " Mamadou Mariama Moussa Ndèye Omar Ousmane Rokhaya Seynabou Souleymane"
        ),
        _words(
            "Ba Badji Camara Cissé Coly Dia Diagne Diallo Diatta Dieng Diop Diouf Fall Faye Gueye Kane Mbaye Mbengue"
            " Ndiaye Niang Sarr Seck Sow Thiam"
        ),
    ),
    "France": Country(
        60,
        "Europe/Paris",
        "fr",
        _FRANCE,
        _words("Nantes Rennes Lille Dijon Angers Grenoble Tours Limoges Amiens Brest"),
        _words(
            "Adrien Anaïs Antoine Camille Chloé Clément Élise Étienne Hugo Inès Julie Julien Léa Lucas Lucie Manon"
            " Mathieu Nicolas Océane Pauline Quentin Romain Sophie Thomas"
        ),
        _words(
            "Bernard Blanc Bonnet Boyer Chevalier Dubois Dupont Durand Faure Fontaine Fournier Garnier Girard Lambert"
            " Lefèvre Leroy Marchand Martin Mercier Moreau Perrin Roussel Simon Vidal"
        ),
    ),
    "United Kingdom": Country(
        0,
        "Europe/London",
        "en",
        "+44 20 7946 0###",
        _words("Bristol Leeds Hull Norwich Derby Exeter Dundee Swansea Preston York"),
        _words(
            "Aaron Alice Amy Ben Callum Charlotte Daniel Ellie Emily Finlay Georgia Hannah Harry Imran Jack Lewis Megan"
            " Nisha Oliver Priya Rhys Sophie Tom Zoe"
        ),
        _words(
            "Adams Ahmed Baker Bennett Brown Campbell Clarke Cooper Davies Evans Green Harris Hughes Jones Khan Morgan"
            " Murphy Patel Reid Roberts Shaw Taylor Walker Wright"
        ),
    ),
    "Philippines": Country(
        480,
        "Asia/Manila",
        "en",
        _PACIFIC,
        _words("Cebu Davao Iloilo Baguio Bacolod Tacloban Naga Legazpi Zamboanga Dumaguete"),
        _words(
            "Althea Andres Angelo Bea Carlo Carmela Danilo Divina Eduardo Elena Ferdinand Gloria Jericho Jasmine Joel"
            " Liza Lourdes Marites Miguel Nestor Ramon Rowena Teresa Vicente"
        ),
        _words(
            "Aguilar Aquino Bautista Castillo Castro Cruz Domingo Fernandez Flores Garcia Gonzales Hernandez Lopez"
            " Mendoza Navarro Ocampo Ramos Reyes Rivera Salazar Santos Soriano Torres Villanueva"
        ),
    ),
}
"""Where organizations and workers are: east of Greenwich, so that a working day never crosses midnight UTC."""

SHARES: Mapping[str, int] = {
    "Kenya": 24,
    "Uganda": 14,
    "Ghana": 14,
    "Nigeria": 14,
    "Senegal": 10,
    "France": 6,
    "United Kingdom": 8,
    "Philippines": 10,
}
"""How many of a hundred organizations are where."""

ORGANIZATION_NOUNS: Mapping[str, tuple[str, ...]] = {
    "ngo": (
        "Water Trust",
        "Relief Network",
        "Women's Cooperative",
        "Community Clinic",
        "School Meals Project",
        "Reforestation Alliance",
        "Shelter Association",
        "Youth Centre",
        "Legal Aid Society",
        "River Watch",
        "Food Bank",
        "Literacy Project",
    ),
    "company": (
        "Logistics",
        "Textiles",
        "Coffee Roasters",
        "Solar",
        "Bakery",
        "Fisheries",
        "Timber Yard",
        "Cleaning Services",
        "Printing Works",
        "Garden Centre",
        "Cold Storage",
        "Courier Service",
    ),
    "individual": ("Household", "Home Care", "Market Stall", "Workshop", "Guest House", "Farm"),
}

JOBS: Mapping[str, tuple[str, ...]] = {
    "ngo": (
        "Water point maintenance",
        "Clinic reception",
        "Community health visits",
        "School kitchen",
        "Tree nursery",
        "Relief warehouse",
        "Field interviews",
        "Adult literacy classes",
        "Shelter night desk",
        "Distribution team",
        "Data entry, household survey",
        "Interpreter",
    ),
    "company": (
        "Packing line",
        "Van driver, city route",
        "Night cleaning",
        "Machine operator",
        "Stock taking",
        "Shop assistant",
        "Solar panel installation",
        "Cold store loading",
        "Customer support",
        "Coffee sorting",
        "Print finishing",
        "Site security",
    ),
    "individual": (
        "Childcare",
        "Gardening",
        "Cooking and housekeeping",
        "Care for an elderly parent",
        "Stall helper",
        "House painting",
        "Tutoring",
        "Poultry and garden work",
    ),
}

SHIFT_NOTES = (
    "Stayed to hand over to the evening team.",
    "Bus was late, made up the time at lunch.",
    "Covered for a colleague who was ill.",
    "Power cut between two and three, worked by hand.",
    "Training in the morning, normal work after.",
    "Delivery came early, unloaded it first.",
    "Short break only, left on time.",
    "Stock count took longer than planned.",
    "Rain stopped outdoor work for an hour.",
    "New colleague shadowed me today.",
)

DELETION_REASONS = (
    "Found work elsewhere",
    "Moved away",
    "No longer using the wallet",
    "Prefers to be paid in cash",
    "Asked by mail to be forgotten",
)

USER_AGENTS: Mapping[str, int] = {
    "Mozilla/5.0 (Linux; Android 14; Pixel 7a) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36": 46,
    "Mozilla/5.0 (Linux; Android 13; SM-A145F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Mobile Safari/537.36": 24,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148": 12,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0": 12,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15": 6,
}
