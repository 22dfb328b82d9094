// SPDX-License-Identifier: Apache-2.0
// Readers of files: what comes out, and what is said about files that cannot be read.
#include "core/base/error.h"
#include "core/retrieval/readers.h"
#include "tests/support/golden_models.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fulgurite::retrieval {
namespace {

using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::filesystem::path write(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
}

template <class Call>
void expectRefused(const Call& call, const std::string& why) {
    try {
        call();
        ADD_FAILURE() << "accepted, should say: " << why;
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(why));
    }
}

TEST(Html, KeepsWhatIsVisible) {
    const SourceDocument page =
        readHtml("<!DOCTYPE html><html><head><title>Fish &amp; chips</title><style>p { color: red }</style></head>"
                 "<body><!-- no --><h1>Menu</h1><p>Cod&nbsp;<b>and</b>\n   peas &lt;fresh&gt; &#163;5</p>"
                 "<script>if (a < b) document.write(\"<p>no</p>\")</script><ul><li>one<li>two</ul><a title=\"a > "
                 "b\">link</a></body>");
    EXPECT_EQ(page.title, "Fish & chips");
    EXPECT_EQ(page.text, "Menu\n\nCod and peas <fresh> £5\n\none\ntwo\nlink");
}

TEST(Html, TakesBrokenPagesAsText) {
    EXPECT_EQ(readHtml("a < b & c &bogus; <").text, "a < b & c &bogus; <");
    EXPECT_EQ(readHtml("x<script>never closed").text, "x");
    EXPECT_EQ(readHtml("x<!-- never closed").text, "x");
    EXPECT_EQ(readHtml("x<a href=\"never closed").text, "x");
    EXPECT_EQ(readHtml("&#xD800;&#x110000;&#0;").text, "&#xD800;&#x110000;&#0;");
    EXPECT_EQ(readHtml("").text, "");
}

// Each of these heads once began a search to the end of the page: minutes for three megabytes.
TEST(Html, APageOfManyHeadsIsReadOnce) {
    std::string page;
    for (int i = 0; i < 200'000; ++i) {
        page += "<head></head>a";
    }
    EXPECT_EQ(readHtml(page).text.size(), 200'000u);
    EXPECT_EQ(readHtml("<head><title>One</title></head>text<title>Two").title, "One");
}

TEST(Csv, ReadsQuotedFields) {
    const SourceContent content =
        readCsv("title,text,label\r\nA,\"one, \"\"two\"\"\nthree\",x\r\n\nB,plain,\n", ',', "f.csv");
    ASSERT_EQ(content.documents.size(), 2u);
    EXPECT_EQ(content.documents[0].text, "one, \"two\"\nthree");
    EXPECT_EQ(content.documents[0].label, "x");
    EXPECT_EQ(content.documents[1].title, "B");
    EXPECT_EQ(content.documents[1].place, "line 5");
    expectRefused([] { readCsv("a,b\n1,2\n", ',', "f.csv"); }, "f.csv: the first line must name the columns");
    expectRefused([] { readCsv("text,b\n1\n", ',', "f.csv"); }, "f.csv, line 2: 1 fields, the header has 2");
    expectRefused([] { readCsv("text\n\"x", ',', "f.csv"); }, "f.csv, line 2: a quoted field has no end");
    expectRefused([] { readCsv("text\n\"x\"y\n", ',', "f.csv"); }, "line 2: something stands between");
}

TEST(Json, ReadsEveryForm) {
    EXPECT_EQ(readJson(R"([{"text": "a", "title": "t"}])", "f").documents.at(0).title, "t");
    const SourceContent by_number =
        readJson(R"({"1": [{"related": ["x"], "text": "q"}], "2": [{"related": ["x", "y"], "text": "r"}]})", "f");
    ASSERT_EQ(by_number.queries.size(), 2u);
    EXPECT_THAT(by_number.queries[1].items, ElementsAre("x", "y"));
    const SourceContent embeddings = readJson(
        R"({"articles": [{"article": {"title": "t", "text": "a", "label": "l"}, "embeddings": {"standard": [1]}}],
            "queries": [{"query": {"topics": ["t"], "text": "q", "fusion": ["", "p"]}, "embeddings": {}}]})",
        "f");
    EXPECT_EQ(embeddings.documents.at(0).label, "l");
    EXPECT_THAT(embeddings.queries.at(0).prompts, ElementsAre("p"));
    expectRefused([] { readJson(R"([{"title": "t"}])", "f"); }, "f[0]: field \"text\" is missing");
    expectRefused([] { readJson("[{]", "f"); }, "f");
    expectRefused([] { readJson("3", "f"); }, "a list of documents or queries");
}

TEST(Json, TakesArticlesAndQueriesWhateverElseIsThere) {
    const std::string file =
        R"({"meta": {"made": 1}, "other": [1], "articles": [{"text": "a"}], "more": [{"text": "b"}],
                                 "queries": [{"text": "q", "topics": ["t"]}]})";
    const SourceContent content = readJson(file, "f");
    ASSERT_EQ(content.documents.size(), 1u);
    EXPECT_EQ(content.documents[0].text, "a");
    EXPECT_EQ(content.queries.size(), 1u);
    expectRefused([] { readJson(R"({"1": [{"text": "a"}], "meta": {"made": 1}})", "f"); },
                  "f: meta: expected an array");
    expectRefused([] { readJson(R"({"1": [{"text": "a"}, {"text": 3}]})", "f"); }, "f: 1[1]");
    expectRefused([] { readJson(R"({"articles": [{"text": 3}]})", "f"); }, "f: articles[0]");
    expectRefused([] { readJson(R"([{"text": "a"}, 3])", "f"); }, "f[1]: expected an object, found a number");
    expectRefused([] { readJson(R"([{"text": "a", "topics": [[[]]]}])", "f"); }, "f[0]: topics[0]");
    expectRefused([] { readJson(R"([{"text": "a"}] x)", "f"); }, "f: not valid JSON");
    expectRefused([] { readJson(std::string(129, '['), "f"); }, "nested deeper than 128 levels");
    expectRefused([] { readJson("[{\"x\": " + std::string(127, '['), "f"); }, "nested deeper than 128 levels");
}

// Peak of a process of its own that reads the file; what it says ends up in `words`.
long peakKilobytes(const std::filesystem::path& file, std::string& words) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        std::string said;
        try {
            said = std::to_string(readSource(file).documents.size()) + " documents";
        } catch (const std::exception& error) {
            said = error.what();
        }
        ::_exit(::write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
    }
    ::close(ends[1]);
    std::string buffer(1000, '\0');
    const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
    ::close(ends[0]);
    words = buffer.substr(0, static_cast<std::size_t>(std::max<ssize_t>(0, count)));
    int status = 0;
    rusage usage{};
    ::wait4(child, &status, 0, &usage);
    EXPECT_EQ(status, 0);
    return usage.ru_maxrss;
}

// As whole JSON these took 16 to 50 times their size.
TEST(Json, ALargeFileTakesItsOwnSize) {
    constexpr std::size_t kBytes = std::size_t{48} << 20;
    constexpr long kMostKilobytes = 200 << 10;
    const TemporaryFolder folder;
    const auto repeated = [](const std::string& head, const std::string& part, const std::string& tail) {
        std::string text = head;
        text.reserve(kBytes + 100);
        while (text.size() < kBytes) {
            text += part;
        }
        return text + tail;
    };
    std::string words;
    EXPECT_LT(peakKilobytes(write(folder, "empty.json", repeated("[[]", ",[]", "]")), words), kMostKilobytes);
    EXPECT_THAT(words, HasSubstr("empty.json[0]: expected an object, found an array"));
    EXPECT_LT(
        peakKilobytes(write(folder, "unread.json", repeated("[{\"text\":\"a\",\"x\":[0", ",0", "]}]")), words),
        kMostKilobytes);
    EXPECT_EQ(words, "1 documents");
    EXPECT_LT(
        peakKilobytes(write(folder, "topics.json", repeated("[{\"text\":\"a\",\"topics\":[0", ",0", "]}]")), words),
        kMostKilobytes);
    EXPECT_THAT(words, HasSubstr("topics.json[0]: has more than 1000000 values"));
    EXPECT_LT(peakKilobytes(write(folder, "line.jsonl", repeated("{\"text\":\"a\",\"x\":[0", ",0", "]}")), words),
              kMostKilobytes);
    EXPECT_EQ(words, "1 documents");
    EXPECT_LT(peakKilobytes(write(folder, "wide.csv", repeated("text", ",a", "\n")), words), kMostKilobytes);
    EXPECT_THAT(words, HasSubstr("wide.csv, line 1: has more than 10000 fields"));
}

TEST(ReadSource, HasRoomForSoManyEntries) {
    std::string csv = "text\n";
    for (std::size_t i = 0; i <= kMostEntries; ++i) {
        csv += "a\n";
    }
    expectRefused([&] { readCsv(csv, ',', "f.csv"); },
                  "f.csv: holds more than 2000000 documents and queries. Split it.");
}

TEST(JsonLines, NamesTheLine) {
    const SourceContent content =
        readJsonLines("{\"text\": \"a\"}\n\n{\"text\": \"b\", \"label\": \"l\"}", "f.jsonl");
    ASSERT_EQ(content.documents.size(), 2u);
    EXPECT_EQ(content.documents[1].place, "line 3");
    expectRefused([] { readJsonLines("{\"text\": \"a\"}\n{oops\n", "f.jsonl"); }, "f.jsonl, line 2");
}

TEST(Markdown, TakesTheFirstHeadingAsTitle) {
    EXPECT_EQ(readMarkdown("text\n## The title ##\n# Later\n").title, "The title");
    EXPECT_EQ(readMarkdown("#no heading\n").title, "");
    EXPECT_EQ(readMarkdown("<!-- licence -->\n<!-- more -->\n# One\n").text, "\n# One\n");
    EXPECT_EQ(readMarkdown("<!-- never closed").text, "<!-- never closed");
}

TEST(ReadSource, SaysWhatIsWrongWithAFile) {
    const TemporaryFolder folder;
    expectRefused([&] { readSource(folder / "none.txt"); }, "none.txt");
    expectRefused([&] { readSource(write(folder, "a.xyz", "x")); }, "files that end with '.xyz' are not read");
    expectRefused(
        [&] {
            readSource(write(folder, "b.txt",
                             std::string("\x7f"
                                         "ELF\0",
                                         5)));
        },
        "b.txt: this is not text: byte 4 is zero");
    expectRefused([&] { readSource(write(folder, "c.txt", "caf\xE9")); }, "c.txt: invalid UTF-8 at byte 3");
    const auto large = write(folder, "large.txt", "x");
    std::filesystem::resize_file(large, std::uint64_t{2} << 30); // sparse: takes no room
    expectRefused([&] { readSource(large); }, "the file has 2.0 GiB, the most that is read is 512.0 MiB");
    ::mkfifo((folder / "pipe.txt").c_str(), 0600);
    expectRefused([&] { readSource(folder / "pipe.txt"); }, "pipe.txt: this is neither a file nor a folder");
    EXPECT_EQ(readSource(write(folder, "Name of it.txt", "x")).documents.at(0).title, "Name of it");
    EXPECT_EQ(readSource(write(folder, "mark.txt", "\xEF\xBB\xBFx")).documents.at(0).text, "x");
    EXPECT_EQ(readSource(write(folder, "mark.csv", "\xEF\xBB\xBFtext\nx\n")).documents.at(0).text, "x");
    EXPECT_EQ(readSource(write(folder, "mark.jsonl", "\xEF\xBB\xBF{\"text\": \"x\"}")).documents.at(0).text, "x");
}

// One page with the words "Hello Fulgurite"; `encrypt` adds an encryption dictionary whose password nobody knows.
std::string pdfFile(bool encrypt) {
    const std::string stream = "BT /F1 24 Tf 72 700 Td (Hello Fulgurite) Tj ET";
    const std::vector<std::string> objects{"<< /Type /Catalog /Pages 2 0 R >>",
                                           "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
                                           "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
                                           "/Resources << /Font << /F1 5 0 R >> >> >>",
                                           "<< /Length " + std::to_string(stream.size()) + " >>\nstream\n" +
                                               stream + "\nendstream",
                                           "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
                                           "<< /Filter /Standard /V 1 /R 2 /P -4 /O <" + std::string(64, '1') +
                                               "> /U <" + std::string(64, '2') + "> >>"};
    std::string file = "%PDF-1.4\n";
    std::string table = "0000000000 65535 f \n";
    for (std::size_t i = 0; i < objects.size(); ++i) {
        std::string offset = std::to_string(file.size());
        table += std::string(10 - offset.size(), '0') + offset + " 00000 n \n";
        file += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
    }
    const std::string start = std::to_string(file.size());
    file += "xref\n0 7\n" + table + "trailer\n<< /Size 7 /Root 1 0 R " +
            (encrypt ? "/Encrypt 6 0 R /ID [<00> <00>] " : "") + ">>\nstartxref\n" + start + "\n%%EOF\n";
    return file;
}

class Pdf : public testing::Test {
  protected:
    void SetUp() override {
        if (std::system("command -v pdftotext >/dev/null 2>&1") != 0) {
            GTEST_SKIP() << "pdftotext (poppler-utils) is not installed";
        }
    }
};

TEST_F(Pdf, GivesItsText) {
    const TemporaryFolder folder;
    const SourceDocument document = readSource(write(folder, "a.pdf", pdfFile(false))).documents.at(0);
    EXPECT_THAT(document.text, HasSubstr("Hello Fulgurite"));
    EXPECT_EQ(document.title, "a");
}

TEST_F(Pdf, SaysThatItIsEncryptedOrBroken) {
    const TemporaryFolder folder;
    expectRefused([&] { readSource(write(folder, "locked.pdf", pdfFile(true))); },
                  "locked.pdf: the PDF is encrypted");
    expectRefused([&] { readSource(write(folder, "broken.pdf", "not a PDF")); },
                  "broken.pdf: pdftotext cannot read it");
}

} // namespace
} // namespace fulgurite::retrieval
